package dev.nibble.pipeline.study;

import dev.nibble.core.NibbleException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A question, and the recipes that answer it.
 *
 * @param name as on the command line
 * @param title headline of the report
 * @param about what is asked and after whom, a few sentences
 * @param datasets data ids to measure on; the first also ranks
 * @param entries what to run
 * @param classes the taxonomy, empty when there is none
 * @param claims relations to check, possibly none
 */
public record Study(
    String name,
    String title,
    String about,
    List<String> datasets,
    List<StudyEntry> entries,
    List<MethodClass> classes,
    List<Claim> claims) {
  /** Copies the lists. */
  public Study {
    datasets = List.copyOf(datasets);
    entries = List.copyOf(entries);
    classes = List.copyOf(classes);
    claims = List.copyOf(claims);
  }

  /**
   * The study of some methods only.
   *
   * @param methods names as the study has them, in any case; empty for all
   * @throws NibbleException naming a method that the study does not have
   */
  public Study only(List<String> methods) {
    if (methods.isEmpty()) {
      return this;
    }
    Set<String> known = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    entries.forEach(e -> known.add(e.method()));
    Set<String> wanted = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    for (String method : methods) {
      if (!known.contains(method)) {
        throw new NibbleException(
            "study "
                + name
                + " has no method \""
                + method
                + "\"; it has "
                + String.join(", ", known));
      }
      wanted.add(method);
    }
    return new Study(
        name,
        title,
        about,
        datasets,
        entries.stream().filter(e -> wanted.contains(e.method())).toList(),
        classes,
        claims.stream().filter(c -> wanted.contains(c.method())).toList());
  }

  /**
   * A class of methods.
   *
   * @param name as {@code compensation}
   * @param idea what its methods have in common
   * @param members its methods
   */
  public record MethodClass(String name, String idea, List<Member> members) {
    /** Copies the list. */
    public MethodClass {
      members = List.copyOf(members);
    }
  }

  /**
   * A method of a class.
   *
   * @param name as its authors call it
   * @param step recipe key that runs it here, or "" when none does
   * @param idea what it does, one clause
   */
  public record Member(String name, String step, String idea) {}
}
