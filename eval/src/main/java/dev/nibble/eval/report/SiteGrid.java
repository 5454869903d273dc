package dev.nibble.eval.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sites arranged by kind (last part of the name) and layer (first number in it). */
final class SiteGrid {
  private static final Pattern LAYER = Pattern.compile("(?:^|\\.)(\\d{1,6})(?=\\.|$)");

  /** Order of the usual kinds in a block; others follow as they appear. */
  private static final List<String> USUAL =
      List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

  private final SequencedMap<String, Map<Integer, Section.SiteRow>> kinds = new LinkedHashMap<>();
  private final List<Section.SiteRow> others = new ArrayList<>();
  private int layers;

  SiteGrid(List<Section.SiteRow> rows) {
    for (Section.SiteRow row : rows) {
      Matcher layer = LAYER.matcher(row.site());
      if (!layer.find()) {
        others.add(row);
        continue;
      }
      int index = Integer.parseInt(layer.group(1));
      kinds.computeIfAbsent(kind(row.site()), k -> new TreeMap<>()).put(index, row);
      layers = Math.max(layers, index + 1);
    }
    for (String kind : USUAL.reversed()) {
      Map<Integer, Section.SiteRow> sites = kinds.remove(kind);
      if (sites != null) {
        kinds.putFirst(kind, sites);
      }
    }
  }

  private static String kind(String site) {
    return site.substring(site.lastIndexOf('.') + 1);
  }

  /** Kind to layer to site, kinds in the order of a block. */
  Map<String, Map<Integer, Section.SiteRow>> kinds() {
    return kinds;
  }

  /** Sites outside layers (embedding, head). */
  List<Section.SiteRow> others() {
    return others;
  }

  /** One more than the highest layer. */
  int layers() {
    return layers;
  }
}
