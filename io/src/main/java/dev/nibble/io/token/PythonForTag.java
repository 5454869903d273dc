package dev.nibble.io.token;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.ForTag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import com.hubspot.jinjava.tree.parse.TagToken;
import com.hubspot.jinjava.util.ForLoop;
import com.hubspot.jinjava.util.ObjectIterator;
import com.hubspot.jinjava.util.ObjectTruthValue;
import java.util.ArrayList;
import java.util.List;

/** {@code for x in items if condition … else …}, of which Jinjava's own loop lacks both ends. */
final class PythonForTag extends ForTag {
  private static final long serialVersionUID = 1L;

  @Override
  public String interpretUnchecked(TagNode node, JinjavaInterpreter interpreter) {
    String helpers = node.getHelpers();
    int in = helpers.indexOf(" in ");
    if (in < 0) {
      return super.interpretUnchecked(node, interpreter);
    }
    List<String> names = new ArrayList<>();
    for (String name : helpers.substring(0, in).split(",")) {
      names.add(name.strip());
    }
    int condition = conditionStart(helpers, in);
    String expression = helpers.substring(in + 4, condition < 0 ? helpers.length() : condition);
    Object items = interpreter.resolveELExpression(expression, node.getLineNumber());
    if (condition >= 0) {
      String test = helpers.substring(condition + 4);
      items = filter(items, names, test, node.getLineNumber(), interpreter);
    }
    int otherwise = 0;
    while (otherwise < node.getChildren().size() && !isElse(node.getChildren().get(otherwise))) {
      otherwise++;
    }
    if (otherwise == node.getChildren().size()) {
      return renderForCollection(node, interpreter, names, items);
    }
    List<Node> children = List.copyOf(node.getChildren());
    if (ObjectIterator.getLoop(items).hasNext()) {
      TagNode body =
          new TagNode(
              this, (TagToken) node.getMaster(), interpreter.getConfig().getTokenScannerSymbols());
      body.getChildren().addAll(children.subList(0, otherwise));
      return renderForCollection(body, interpreter, names, items);
    }
    StringBuilder out = new StringBuilder();
    for (Node child : children.subList(otherwise + 1, children.size())) {
      out.append(child.render(interpreter));
    }
    return out.toString();
  }

  private static boolean isElse(Node node) {
    return node instanceof TagNode tag && tag.getName().equals("else");
  }

  private static List<Object> filter(
      Object items, List<String> names, String test, int line, JinjavaInterpreter interpreter) {
    List<Object> kept = new ArrayList<>();
    ForLoop all = ObjectIterator.getLoop(items);
    while (all.hasNext()) {
      Object item = all.next();
      var scope = interpreter.enterScope();
      try (scope) {
        if (names.size() == 1) {
          interpreter.getContext().put(names.getFirst(), item);
        } else if (item instanceof List<?> parts && parts.size() == names.size()) {
          for (int i = 0; i < names.size(); i++) {
            interpreter.getContext().put(names.get(i), parts.get(i));
          }
        }
        if (ObjectTruthValue.evaluate(interpreter.resolveELExpression(test, line))) {
          kept.add(item);
        }
      }
    }
    return kept;
  }

  /** Where {@code " if "} stands outside quotes and brackets, -1 when it does not. */
  private static int conditionStart(String helpers, int from) {
    int depth = 0;
    char quote = 0;
    for (int i = from; i < helpers.length(); i++) {
      char c = helpers.charAt(i);
      if (quote != 0) {
        if (c == '\\') {
          i++;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c == '(' || c == '[' || c == '{') {
        depth++;
      } else if (c == ')' || c == ']' || c == '}') {
        depth--;
      } else if (depth == 0 && helpers.startsWith(" if ", i)) {
        return i;
      }
    }
    return -1;
  }
}
