package dev.nibble.compress.calibrate;

/**
 * How calibration tokens are shared out when experts shall get equally many (EAQuant, Fu et al.
 * 2025, section 3.3): all sites that see every token read the first {@code batches}; a routed
 * expert reads on, through the batches behind them, until it has its tokens.
 *
 * @param tokens most tokens of a routed expert
 * @param batches calibration batches of all other sites, at least 1
 */
public record ExpertQuota(long tokens, int batches) {}
