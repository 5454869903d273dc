package dev.nibble.eval.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nibble.core.NibbleException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class ReportTest {
  private static final String HOSTILE =
      "</title><script>alert('x')</script>\"'&\u0000\u001b[31m\u202e\ud800.layers.0.a\"b";

  @TempDir Path dir;

  private static Document parse(String html) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    return factory.newDocumentBuilder().parse(new InputSource(new StringReader(html)));
  }

  private static Stream<Element> elements(Document page, String tag) {
    NodeList found = page.getElementsByTagName(tag);
    return Stream.iterate(0, i -> i < found.getLength(), i -> i + 1)
        .map(i -> (Element) found.item(i));
  }

  @Test
  void pageIsWellFormedSelfContainedAndHasEverySection() throws Exception {
    Report report = SampleReport.full();
    String html = ReportWriter.html(report);
    Document page = parse(html);
    assertThat(elements(page, "section").map(e -> e.getAttribute("id")))
        .containsAll(report.sections().stream().map(Section::key).toList())
        .contains("bits");
    assertThat(
            html.replace("http://www.w3.org/1999/xhtml", "")
                .replace("http://www.w3.org/2000/svg", ""))
        .doesNotContain("http", "<script", "<link", "@import", "url(", "src=", "NaN", "Infinity");
    assertThat(elements(page, "svg"))
        .hasSizeGreaterThan(10)
        .allSatisfy(svg -> assertThat(svg.getAttribute("aria-label")).isNotEmpty());
  }

  @Test
  void errorPanelsDrawOneDotPerSiteAndOneRingForRounding() throws Exception {
    Section.Sites sites = SampleReport.sites(12);
    Document page = parse(ReportWriter.html(new Report("t", "s", List.of(sites))));
    long drawn = sites.rows().stream().filter(r -> r.site().contains(".layers.")).count();
    assertThat(elements(page, "circle").filter(e -> e.getAttribute("class").equals("dot")))
        .hasSize((int) drawn);
    assertThat(elements(page, "circle").filter(e -> e.getAttribute("class").equals("dot-rtn")))
        .hasSize((int) drawn);
    assertThat(elements(page, "tr")).hasSize(sites.rows().size() + 1);
  }

  @Test
  void hostileNamesAreEscapedEverywhere() throws Exception {
    Section.SiteRow site = new Section.SiteRow(HOSTILE, HOSTILE, 0.01, 0.02, 4, 100);
    Report report =
        new Report(
            HOSTILE,
            HOSTILE,
            List.of(
                new Section.Headline(
                    List.of(Measure.of(HOSTILE, HOSTILE, Unit.BYTES).after(1).note(HOSTILE))),
                new Section.Sites(List.of(site)),
                new Section.Sizes(List.of(new Section.SizePart(HOSTILE, 2, 1))),
                new Section.Frontier(
                    List.of(new Section.Point(HOSTILE, HOSTILE, 4, 1, 0.1, 0.01, 0.9, 8, 1))),
                new Section.EventLog(List.of(new Section.EventRow(HOSTILE, HOSTILE, HOSTILE))),
                new Section.Listing(HOSTILE, HOSTILE, HOSTILE),
                new Section.Facts("f", HOSTILE, Map.of(HOSTILE, HOSTILE))));
    String html = ReportWriter.html(report);
    Document page = parse(html);
    assertThat(elements(page, "script")).isEmpty();
    assertThat(html).doesNotContain("\u0000", "\u001b", "\u202e").contains("\ufffd");
    assertThat(elements(page, "h1").findFirst().orElseThrow().getTextContent())
        .startsWith("</title><script>");
    assertThat(new ObjectMapper().readTree(ReportWriter.json(report)).get("title").textValue())
        .startsWith("</title><script>");
  }

  @Test
  void jsonKeepsTheStructurePromisedToPrograms() throws Exception {
    JsonNode root = new ObjectMapper().readTree(ReportWriter.json(SampleReport.full()));
    assertThat(root.get("format").textValue()).isEqualTo("nibble-report");
    assertThat(root.get("version").intValue()).isEqualTo(1);
    assertThat(root.properties().stream().map(Map.Entry::getKey))
        .containsExactly(
            "format",
            "version",
            "title",
            "subtitle",
            "headline",
            "sites",
            "sizes",
            "distance",
            "tasks",
            "frontier",
            "training",
            "events",
            "sample",
            "recipe",
            "provenance");
    JsonNode size = root.at("/headline/rows/0");
    assertThat(size.properties().stream().map(Map.Entry::getKey))
        .containsExactly("key", "name", "unit", "before", "after", "error", "forecast", "note");
    assertThat(size.get("after").doubleValue()).isEqualTo(4_718_592);
    assertThat(size.get("error").isNull()).isTrue();
    JsonNode site = root.at("/sites/rows/0");
    assertThat(site.properties().stream().map(Map.Entry::getKey))
        .containsExactly(
            "site", "spec", "relativeError", "rtnRelativeError", "bitsPerWeight", "bytes");
    assertThat(root.at("/distance/result/kld/value").isDouble()).isTrue();
    assertThat(root.at("/distance/result/kldPercentiles/p99").isDouble()).isTrue();
    assertThat(root.at("/tasks/rows/1/before").isNull()).isTrue();
    assertThat(root.at("/recipe/text").textValue()).startsWith("steps:");
    assertThat(root.at("/provenance/values/source").textValue()).isEqualTo("models/tiny-lm");
  }

  @Test
  void emptyAndDegenerateSectionsAreDrawn() throws Exception {
    Report report =
        new Report(
            "",
            "",
            List.of(
                new Section.Headline(List.of()),
                new Section.Sites(List.of()),
                new Section.Sizes(List.of(new Section.SizePart("none", 0, 0))),
                new Section.Tasks(List.of()),
                new Section.Frontier(
                    List.of(new Section.Point("base", "base", 16, 1, 0, 0, 1, 8, Double.NaN))),
                new Section.Curves("c", "C", "x", "y", List.of()),
                new Section.EventLog(List.of())));
    String html = ReportWriter.html(report);
    parse(html);
    assertThat(html).doesNotContain("NaN", "Infinity").contains("Nothing out of the ordinary");
    Section.SiteRow only = new Section.SiteRow("layers.0.a", "x", 0, Double.NaN, 16, 2);
    parse(ReportWriter.html(new Report("", "", List.of(new Section.Sites(List.of(only))))));
    assertThatThrownBy(
            () ->
                new Report(
                    "",
                    "",
                    List.of(new Section.Listing("a", "", ""), new Section.Listing("a", "", ""))))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void filesAreWrittenSideBySideAndTheSameEachTime() throws Exception {
    Path html = dir.resolve("report.html");
    Path json = ReportWriter.write(html, SampleReport.full());
    assertThat(json).isEqualTo(dir.resolve("report.json")).isNotEmptyFile();
    byte[] first = Files.readAllBytes(html);
    ReportWriter.write(html, SampleReport.full());
    assertThat(Files.readAllBytes(html)).isEqualTo(first);
    try (Stream<Path> files = Files.list(dir)) {
      assertThat(files).hasSize(2);
    }
    assertThatThrownBy(() -> ReportWriter.write(dir.resolve("no/r.html"), SampleReport.full()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("cannot be written");
  }

  @Test
  void paretoLineHoldsTheUnbeatenPoints() {
    assertThat(Charts.pareto(SampleReport.frontier().points()).stream().map(Section.Point::label))
        .containsExactly("gptq-w2-g32", "gptq-w3", "gptq-w4", "rtn-w8");
  }
}
