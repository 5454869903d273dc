package dev.nibble.core.spec;

/** What shares one scale. */
public enum Granularity {
  /** The whole tensor. */
  TENSOR,
  /** One row of a weight (an output channel). */
  CHANNEL,
  /** Consecutive columns of a row. */
  GROUP,
  /** As {@link #GROUP}, with a power-of-two scale (block floating point, OCP MX). */
  BLOCK,
  /** One token of an activation. */
  TOKEN,
  /** One attention head. */
  HEAD,
  /** One step of a diffusion schedule. */
  TIMESTEP
}
