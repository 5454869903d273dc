package dev.nibble.io.token;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.InterpreterFactory;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.interpret.TemplateError.ErrorItem;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import jinjava.javax.el.CompositeELResolver;

/**
 * Makes Jinjava render chat templates as Python's Jinja does under Hugging Face: white space as
 * {@link TemplateSource} says, values never read as templates themselves, Python's methods of
 * texts, lists and dictionaries and no others, {@code for … if}, {@code generation} blocks,
 * Python's JSON, {@code raise_exception} and {@code strftime_now}.
 */
final class JinjaDialect {
  private static final long MAX_OUTPUT = 1L << 24;
  private static final int MAX_DEPTH = 64;
  private static final int MAX_STEPS = 200_000;

  /** Jinjava has no steps in slices; this one is in use. */
  private static final Pattern REVERSED = Pattern.compile("\\[\\s*::\\s*-1\\s*\\]");

  private JinjaDialect() {}

  /** Built on first use: most commands render no template. */
  private static final class Engine {
    static final Jinjava INSTANCE = build();

    private Engine() {}
  }

  private static Jinjava build() {
    Jinjava engine = new Jinjava(configuration());
    Context global = engine.getGlobalContext();
    global.registerTag(new PythonForTag());
    global.registerTag(new GenerationTag());
    global.registerFilter(new PythonJson());
    global.registerFilter(new ReversedFilter());
    global.registerFunction(function("raise_exception"));
    global.registerFunction(function("strftime_now"));
    return engine;
  }

  private static JinjavaConfig configuration() {
    CompositeELResolver resolver = new CompositeELResolver();
    resolver.add(new PythonMethods());
    resolver.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
    LegacyOverrides python =
        LegacyOverrides.newBuilder()
            .withEvaluateMapKeys(true)
            .withIterateOverMapKeys(true)
            .withUsePyishObjectMapper(true)
            .withUseNaturalOperatorPrecedence(true)
            .withAllowAdjacentTextNodes(true)
            .withUseTrimmingForNotesAndExpressions(true)
            .withKeepNullableLoopValues(true)
            .withHandleBackslashInQuotesOnly(true)
            .build();
    return JinjavaConfig.newBuilder()
        .withKeepTrailingNewline(true)
        .withNestedInterpretationEnabled(false)
        .withEnableRecursiveMacroCalls(true)
        .withMaxMacroRecursionDepth(MAX_DEPTH)
        .withMaxRenderDepth(MAX_DEPTH)
        .withMaxOutputSize(MAX_OUTPUT)
        .withMaxStringLength(MAX_OUTPUT)
        .withLocale(Locale.ROOT)
        .withTimeZone(ZoneId.systemDefault())
        .withElResolver(resolver)
        .withLegacyOverrides(python)
        .withInterperterFactory(new Interpreters())
        .withProcessors(
            JinjavaProcessors.newBuilder()
                .withNodePreProcessor((node, interpreter) -> ((Bounded) interpreter).step())
                .build())
        .build();
  }

  private static ELFunctionDefinition function(String name) {
    return new ELFunctionDefinition("", name, TemplateFunctions.Callable.class, name, String.class);
  }

  /** What is wrong with a template's syntax, empty when nothing is. */
  static Optional<String> check(String source) {
    Jinjava engine = Engine.INSTANCE;
    JinjavaInterpreter interpreter =
        new Bounded(
            engine,
            new Context(engine.getGlobalContextCopy()),
            engine.getGlobalConfig(),
            new int[1]);
    try (var current = JinjavaInterpreter.closeablePushCurrent(interpreter).get()) {
      current.value().parse(prepare(source));
    } catch (RuntimeException | StackOverflowError e) {
      return Optional.of(firstLine(e.getMessage()));
    }
    return fatal(interpreter.getErrorsCopy());
  }

  /**
   * The text that a template makes of values.
   *
   * @throws JinjaFailure when it fails, refuses or exceeds its bounds
   */
  static String render(String source, Map<String, Object> values) {
    Jinjava engine = Engine.INSTANCE;
    Context context = new Context(engine.getGlobalContextCopy(), new HashMap<>(values));
    JinjavaInterpreter interpreter =
        new Bounded(engine, context, engine.getGlobalConfig(), new int[1]);
    String text;
    try (var current = JinjavaInterpreter.closeablePushCurrent(interpreter).get()) {
      text = current.value().render(prepare(source));
    } catch (JinjaFailure e) {
      throw e;
    } catch (RuntimeException e) {
      throw new JinjaFailure("the template fails: " + firstLine(e.getMessage()));
    } catch (StackOverflowError e) {
      throw new JinjaFailure("the template is nested too deeply");
    }
    for (TemplateError error : interpreter.getErrorsCopy()) {
      for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
        if (cause instanceof JinjaFailure failure) {
          throw failure;
        }
      }
    }
    fatal(interpreter.getErrorsCopy())
        .ifPresent(
            problem -> {
              throw new JinjaFailure("the template fails: " + problem);
            });
    return text;
  }

  private static String prepare(String source) {
    return REVERSED.matcher(TemplateSource.trim(source)).replaceAll("|" + ReversedFilter.NAME);
  }

  /** The first error, but for an unknown property, which is an undefined value in Jinja. */
  private static Optional<String> fatal(List<TemplateError> errors) {
    return errors.stream()
        .filter(error -> error.getItem() != ErrorItem.PROPERTY)
        .map(error -> "line " + error.getLineno() + ": " + firstLine(error.getMessage()))
        .findFirst();
  }

  private static String firstLine(String message) {
    return message == null ? "no reason given" : message.lines().findFirst().orElse("");
  }

  /** Makes interpreters that share their count of steps with the one they come from. */
  private static final class Interpreters implements InterpreterFactory {
    @Override
    public JinjavaInterpreter newInstance(JinjavaInterpreter parent) {
      return new Bounded((Bounded) parent);
    }

    @Override
    public JinjavaInterpreter newInstance(Jinjava engine, Context context, JinjavaConfig config) {
      return new Bounded(engine, context, config, new int[1]);
    }
  }

  /** Counts the nodes it renders, and writes truth values as Python does. */
  private static final class Bounded extends JinjavaInterpreter {
    private final int[] steps;

    Bounded(Jinjava engine, Context context, JinjavaConfig config, int[] steps) {
      super(engine, context, config);
      this.steps = steps;
    }

    Bounded(Bounded parent) {
      super(parent);
      this.steps = parent.steps;
    }

    void step() {
      if (++steps[0] > MAX_STEPS) {
        throw new JinjaFailure("the template takes more than " + MAX_STEPS + " steps");
      }
    }

    @Override
    public String getAsString(Object value) {
      if (value instanceof Boolean truth) {
        return truth ? "True" : "False";
      }
      return super.getAsString(value);
    }
  }
}
