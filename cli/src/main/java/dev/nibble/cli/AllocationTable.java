package dev.nibble.cli;

import dev.nibble.compress.allocate.AllocationReport;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.report.Tables;
import dev.nibble.pipeline.report.AllocationSections;
import java.io.PrintWriter;

/** Prints who got how many bits. */
final class AllocationTable {
  private AllocationTable() {}

  static void print(PrintWriter out, AllocationReport report) {
    Section.Table table = AllocationSections.table(report);
    out.println(table.heading() + ": " + table.lead());
    out.print(Tables.table(table).toText());
  }
}
