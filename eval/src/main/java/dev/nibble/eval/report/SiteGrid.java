package dev.nibble.eval.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sites arranged by kind (last part of the name) and layer (first number in it). */
final class SiteGrid {
  private static final Pattern LAYER = Pattern.compile("(?:^|\\.)(\\d{1,6})(?=\\.|$)");

  private final Map<String, Map<Integer, Section.SiteRow>> kinds = new LinkedHashMap<>();
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
  }

  private static String kind(String site) {
    return site.substring(site.lastIndexOf('.') + 1);
  }

  /** Kind to layer to site, kinds in order of appearance. */
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
