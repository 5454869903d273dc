package dev.nibble.compress.train;

import dev.nibble.io.token.train.BpeTrainer;
import dev.nibble.io.token.train.ByteLevelBpe;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A recipe's text as token ids: a stream to train on and documents to evaluate on, for every
 * source. The tokenizer is learned here, from each source in proportion to its weight.
 *
 * @param tokenizer learned
 * @param streams training tokens of each source
 * @param heldOut evaluation documents of each source
 * @param fingerprint SHA-256 of all training tokens
 */
record TokenCorpus(
    ByteLevelBpe tokenizer,
    List<TokenStream> streams,
    List<List<Document>> heldOut,
    String fingerprint) {

  /**
   * A document to evaluate on.
   *
   * @param tokens ids, the document token first
   * @param characters Unicode characters of its text
   */
  record Document(int[] tokens, long characters) {}

  static TokenCorpus build(TrainRecipe recipe, TrainingText text) {
    ByteLevelBpe bpe = learn(recipe, text);
    MessageDigest digest = sha256();
    List<TokenStream> streams = new ArrayList<>();
    List<List<Document>> heldOut = new ArrayList<>();
    for (int s = 0; s < text.parts().size(); s++) {
      TrainingText.Part part = text.parts().get(s);
      int[] tokens = stream(bpe, part, recipe.seed() + s);
      ByteBuffer bytes = ByteBuffer.allocate(tokens.length * Integer.BYTES);
      bytes.asIntBuffer().put(tokens);
      digest.update(bytes);
      streams.add(new TokenStream(tokens, recipe.schedule().length() + 1, recipe.seed() + s));
      heldOut.add(part.heldOut().stream().map(d -> document(bpe, d)).toList());
    }
    String fingerprint = HexFormat.of().formatHex(digest.digest());
    return new TokenCorpus(bpe, List.copyOf(streams), List.copyOf(heldOut), fingerprint);
  }

  private static ByteLevelBpe learn(TrainRecipe recipe, TrainingText text) {
    BpeTrainer trainer = new BpeTrainer(recipe.vocabSize(), SpecialTokens.ALL);
    double least = Double.MAX_VALUE;
    for (TrainingText.Part part : text.parts()) {
      least = Math.min(least, part.source().weight() / part.characters());
    }
    for (TrainingText.Part part : text.parts()) {
      double share = part.source().weight() / part.characters() / least;
      long weight = Math.round(100 * share);
      part.training().forEach(document -> trainer.add(document, weight));
    }
    return trainer.train();
  }

  static Document document(ByteLevelBpe bpe, String text) {
    int[] ids = bpe.encode(text);
    int[] tokens = new int[ids.length + 1];
    tokens[0] = SpecialTokens.DOCUMENT;
    System.arraycopy(ids, 0, tokens, 1, ids.length);
    return new Document(tokens, text.codePointCount(0, text.length()));
  }

  /** Documents in a random order, each after a document token, some as the answer to a request. */
  private static int[] stream(ByteLevelBpe bpe, TrainingText.Part part, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> documents = new ArrayList<>(part.training());
    ChatRequests requests = part.source().chat() > 0 ? new ChatRequests(documents) : null;
    java.util.Collections.shuffle(documents, java.util.Random.from(random));
    IntStream.Builder out = IntStream.builder();
    for (String document : documents) {
      boolean chat = random.nextDouble() < part.source().chat();
      out.add(SpecialTokens.DOCUMENT);
      if (chat) {
        out.add(SpecialTokens.USER);
        String request = requests.request(document, random.nextLong());
        IntStream.of(bpe.encode(request)).forEach(out);
        out.add(SpecialTokens.END).add(SpecialTokens.ASSISTANT);
      }
      IntStream.of(bpe.encode(document)).forEach(out);
      if (chat) {
        out.add(SpecialTokens.END);
      }
    }
    return out.build().toArray();
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
