package dev.nibble.runtime.emit;

/** What is fixed of a vector instruction: every one has bit W clear. */
enum VectorOp {
  MOVUPS_LOAD(Map.MAP_0F, Prefix.NONE, 0x10),
  MOVUPS_STORE(Map.MAP_0F, Prefix.NONE, 0x11),
  MOVSS_STORE(Map.MAP_0F, Prefix.PF3, 0x11),
  MULPS(Map.MAP_0F, Prefix.NONE, 0x59),
  ADDPS(Map.MAP_0F, Prefix.NONE, 0x58),
  SUBPS(Map.MAP_0F, Prefix.NONE, 0x5C),
  MINPS(Map.MAP_0F, Prefix.NONE, 0x5D),
  CVTDQ2PS(Map.MAP_0F, Prefix.NONE, 0x5B),
  CVTPS2DQ(Map.MAP_0F, Prefix.P66, 0x5B),
  DIVPS(Map.MAP_0F, Prefix.NONE, 0x5E),
  MAXPS(Map.MAP_0F, Prefix.NONE, 0x5F),
  PSHUFD(Map.MAP_0F, Prefix.P66, 0x70),
  SHIFT_WORDS(Map.MAP_0F, Prefix.P66, 0x71),
  SHIFT_INTS(Map.MAP_0F, Prefix.P66, 0x72),
  PANDD(Map.MAP_0F, Prefix.P66, 0xDB),
  PXORD(Map.MAP_0F, Prefix.P66, 0xEF),
  PADDD(Map.MAP_0F, Prefix.P66, 0xFE),
  PSHUFB(Map.MAP_0F38, Prefix.P66, 0x00),
  BROADCASTI32X4(Map.MAP_0F38, Prefix.P66, 0x5A),
  CVTPH2PS(Map.MAP_0F38, Prefix.P66, 0x13),
  PMOVSDB(Map.MAP_0F38, Prefix.PF3, 0x21),
  PMULLD(Map.MAP_0F38, Prefix.P66, 0x40),
  PDPBUSD(Map.MAP_0F38, Prefix.P66, 0x50),
  PBROADCASTD(Map.MAP_0F38, Prefix.P66, 0x58),
  FMADD213PS(Map.MAP_0F38, Prefix.P66, 0xA8),
  FMADD231PS(Map.MAP_0F38, Prefix.P66, 0xB8),
  PTERNLOGD(Map.MAP_0F3A, Prefix.P66, 0x25),
  SHUFI32X4(Map.MAP_0F3A, Prefix.P66, 0x43);

  /** Opcode maps. */
  private static final class Map {
    static final int MAP_0F = 1;
    static final int MAP_0F38 = 2;
    static final int MAP_0F3A = 3;
  }

  /** Implied prefixes. */
  private static final class Prefix {
    static final int NONE = 0;
    static final int P66 = 1;
    static final int PF3 = 2;
  }

  private final int map;
  private final int prefix;
  private final int opcode;

  VectorOp(int map, int prefix, int opcode) {
    this.map = map;
    this.prefix = prefix;
    this.opcode = opcode;
  }

  /** Number of the opcode map. */
  int map() {
    return map;
  }

  /** Number of the implied prefix. */
  int prefix() {
    return prefix;
  }

  /** The opcode byte. */
  int opcode() {
    return opcode;
  }
}
