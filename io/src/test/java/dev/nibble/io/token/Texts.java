package dev.nibble.io.token;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Texts that tokenizers trip over. */
public final class Texts {
  /** Hand-picked ones. */
  static final List<String> FIXED =
      List.of(
          "",
          " ",
          "   ",
          "\n",
          "\r\n\r\n",
          "\t \n  x",
          "Hello world",
          " Hello  world ",
          "Hello, world! It's 3.14159, isn't it? I'LL SAY'S 12345678",
          "don't DON'T Don’t we'Ve a'lL 'sſ",
          "naïve café Ångström Å İstanbul ΑΣ ΟΔΟΣ ß ﬁne ½ ²",
          "e\u0301 a\u0308\u0323 \u1100\u1161\u11a8 か\u3099",
          "日本語のテキスト。中文，测试！한국어 ไทย हिन्दी العربية עברית",
          "👩‍👩‍👧 🇩🇪🇫🇷 🦙 ✅ 😶‍🌫️ ❤️",
          "a\u00a0b\u2003c\u3000d\u200be\ufefff\u2028g\u0085h\u000bi",
          "def f(x):\n    return x**2  # square\n\n\nclass A_b-C/d.e:\n\tpass\n",
          "<s>Hi</s> <unk> <mask> <|im_start|>user\n<|x|><|x<|eot|><tool>",
          "[CLS] [MASK] [SEP] [UNK]",
          "  <L>  <R>  <LR>  a<L>b <mask>x  <mask>",
          "Word Words Word. aWord norm NORM NorM ab abc abcd ABC",
          "<0x0A> <0x41><0xE2>",
          "▁▁ ▁a ▁ b▁",
          "\u0000\u0001\u007f\u0080\u009f\ufffd\ue000",
          "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "١٢٣ ⅷ ㊿ 𝟘𝟙 १२३ 1１",
          "\ud83d",
          "x\udc00y");

  private static final int[][] RANGES = {
    {0x20, 0x7e},
    {0x20, 0x7e},
    {0x61, 0x7a},
    {0x30, 0x39},
    {0x09, 0x0d},
    {0xa0, 0x24f},
    {0x300, 0x36f},
    {0x391, 0x3c9},
    {0x400, 0x45f},
    {0x5d0, 0x5ea},
    {0x621, 0x669},
    {0x905, 0x94d},
    {0xe01, 0xe3a},
    {0x1100, 0x11ff},
    {0x1e00, 0x1eff},
    {0x2000, 0x206f},
    {0x2070, 0x209c},
    {0x20a0, 0x20bf},
    {0x2100, 0x218b},
    {0x2190, 0x23ff},
    {0x2581, 0x2581},
    {0x2600, 0x27bf},
    {0x3000, 0x30ff},
    {0x4e00, 0x9fa5},
    {0xac00, 0xd7a3},
    {0xf900, 0xfa6d},
    {0xfb00, 0xfb06},
    {0xfe00, 0xfe0f},
    {0xff01, 0xffee},
    {0x10400, 0x1044f},
    {0x1d400, 0x1d454},
    {0x1f1e6, 0x1f1ff},
    {0x1f300, 0x1f64f},
    {0x20000, 0x2a6d6}
  };

  private static final List<String> WORDS =
      List.of(
          "the", " the", "er", "ing ", "'s", "'LL", "</s>", "<s>", "<|x|>", "<L>", "<R>", " <LR> ",
          "Word", "[SEP]", "  ", "\n\n", "1234", "--", "e\u0301", "👩‍👧", "<mask>", "abc");

  private Texts() {}

  /** A text of random words and characters of many scripts, decided by the seed. */
  static String random(long seed) {
    Random random = new Random(seed);
    StringBuilder out = new StringBuilder();
    int parts = random.nextInt(40);
    for (int i = 0; i < parts; i++) {
      if (random.nextInt(3) == 0) {
        out.append(WORDS.get(random.nextInt(WORDS.size())));
        continue;
      }
      int[] range = RANGES[random.nextInt(RANGES.length)];
      for (int n = random.nextInt(6); n >= 0; n--) {
        int c = range[0] + random.nextInt(range[1] - range[0] + 1);
        if (Character.isDefined(c)) {
          out.appendCodePoint(c);
        }
      }
    }
    return out.toString();
  }

  /** The hand-picked texts and many random ones. */
  public static List<String> many(int count) {
    List<String> texts = new ArrayList<>(FIXED);
    for (int seed = 0; seed < count; seed++) {
      texts.add(random(seed));
    }
    return texts;
  }
}
