package dev.nibble.io.token;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;

/** {@code {% generation %}}, which marks what the assistant says; its content is written as is. */
final class GenerationTag implements Tag {
  private static final long serialVersionUID = 1L;

  @Override
  public String getName() {
    return "generation";
  }

  @Override
  public String interpret(TagNode node, JinjavaInterpreter interpreter) {
    StringBuilder out = new StringBuilder();
    for (Node child : node.getChildren()) {
      out.append(child.render(interpreter));
    }
    return out.toString();
  }
}
