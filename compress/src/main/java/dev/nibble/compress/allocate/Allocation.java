package dev.nibble.compress.allocate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Assignments by site, filled while steps prepare the model and read by everything that plans or
 * stores weights. A provisional assignment is a forecast: the step that made it decides again when
 * it sees the block, see {@link dev.nibble.compress.BlockNotes}. Not thread-safe while it is
 * filled.
 */
public final class Allocation {
  private final Map<String, Assignment> sites = new TreeMap<>();
  private final Set<String> provisional = new HashSet<>();
  private final Set<String> keptInputs = new HashSet<>();
  private final List<AllocationReport> reports = new ArrayList<>();

  /** Decides for a site; replaces what an earlier step decided. */
  public void assign(String site, Assignment assignment) {
    sites.put(site, assignment);
    provisional.remove(site);
  }

  /** Forecasts for a site what will be decided when its block is at hand. */
  public void forecast(String site, Assignment assignment) {
    sites.put(site, assignment);
    provisional.add(site);
  }

  /** Decides that the input of a site is not quantized at run time. */
  public void keepInput(String site) {
    keptInputs.add(site);
  }

  /** True when the input of a site is not to be quantized. */
  public boolean keepsInput(String site) {
    return keptInputs.contains(site);
  }

  /** What was decided for a site, if anything. */
  public Optional<Assignment> of(String site) {
    return Optional.ofNullable(sites.get(site));
  }

  /** True when the site's assignment is only a forecast. */
  public boolean isProvisional(String site) {
    return provisional.contains(site);
  }

  /** True when no step has decided anything. */
  public boolean isEmpty() {
    return sites.isEmpty();
  }

  /** All assignments by site, unmodifiable. */
  public Map<String, Assignment> sites() {
    return Collections.unmodifiableMap(sites);
  }

  /** Says why sites were assigned as they were. */
  public void explain(AllocationReport report) {
    reports.add(report);
  }

  /** Explanations in the order of the steps. */
  public List<AllocationReport> reports() {
    return List.copyOf(reports);
  }

  /** A copy to try something on; without the explanations. */
  public Allocation copy() {
    Allocation out = new Allocation();
    out.sites.putAll(sites);
    out.provisional.addAll(provisional);
    out.keptInputs.addAll(keptInputs);
    return out;
  }
}
