package dev.nibble.compress.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The course of a training run, for the report.
 *
 * @param steps one point for every optimizer step
 * @param evaluations held-out figures now and then, the last one of the finished model
 */
public record TrainingCurve(List<Point> steps, List<Evaluation> evaluations) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * An optimizer step.
   *
   * @param step counted from 1
   * @param loss mean training loss of its batch before the step, nats a token
   * @param rate learning rate
   * @param gradientNorm before clipping; not finite when the step was left out
   */
  public record Point(int step, double loss, double rate, double gradientNorm) {}

  /**
   * Held-out figures after some step.
   *
   * @param step steps done
   * @param bitsPerCharacter by source name
   * @param lossPerToken nats, by source name
   */
  public record Evaluation(
      int step, Map<String, Double> bitsPerCharacter, Map<String, Double> lossPerToken) {}

  static TrainingCurve empty() {
    return new TrainingCurve(new ArrayList<>(), new ArrayList<>());
  }

  String toJson() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static TrainingCurve fromJson(String json) throws JsonProcessingException {
    TrainingCurve read = JSON.readValue(json, TrainingCurve.class);
    return new TrainingCurve(new ArrayList<>(read.steps()), new ArrayList<>(read.evaluations()));
  }
}
