package dev.nibble.cli;

import dev.nibble.core.progress.Progress;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.Unit;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Progress on stderr: one live line with an ETA on a terminal, a plain line now and then elsewhere.
 * The ETA comes from the rate over the task's recent past; until there is one it says so.
 */
final class ConsoleProgress implements Progress {
  private static final long REDRAW_NANOS = 100_000_000L;
  private static final long PLAIN_NANOS = 10_000_000_000L;
  private static final int BAR = 24;

  private final PrintStream out;
  private final boolean live;
  private final int columns;
  private final List<Running> running = new ArrayList<>();
  private long lastDrawn;
  private boolean drawn;

  /** Draws on {@code out}; {@code live} for a terminal that understands carriage returns. */
  ConsoleProgress(PrintStream out, boolean live, int columns) {
    this.out = out;
    this.live = live;
    this.columns = Math.max(40, columns);
  }

  /** For this process's stderr, as the launcher describes it. */
  static ConsoleProgress standard() {
    boolean terminal = Boolean.getBoolean("nibble.terminal");
    return new ConsoleProgress(System.err, terminal, Integer.getInteger("nibble.columns", 100));
  }

  @Override
  public synchronized Task start(String what, long total, String unit) {
    Running task = new Running(what, total, unit);
    running.add(task);
    draw(task, true);
    return task;
  }

  @Override
  public synchronized void note(String line) {
    erase();
    out.println(line);
    out.flush();
  }

  private void draw(Running task, boolean force) {
    long now = System.nanoTime();
    if (live) {
      if (force || now - lastDrawn >= REDRAW_NANOS) {
        lastDrawn = now;
        String line = task.line(now, true);
        out.print("\r\u001b[K" + line.substring(0, Math.min(line.length(), columns - 1)));
        out.flush();
        drawn = true;
      }
    } else if (now - task.lastPlain >= PLAIN_NANOS) {
      task.lastPlain = now;
      out.println(task.line(now, false));
    }
  }

  private void erase() {
    if (drawn) {
      out.print("\r\u001b[K");
      drawn = false;
    }
  }

  /** {@code 1:05} or {@code 2:03:04}. */
  static String clock(double seconds) {
    long s = Math.max(0, Math.round(seconds));
    return s >= 3600
        ? String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60)
        : String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60);
  }

  /** A task between start and close. */
  private final class Running implements Task {
    private final String what;
    private final long total;
    private final String unit;
    private final Eta eta = new Eta();
    private long done;
    private long lastPlain = System.nanoTime();

    Running(String what, long total, String unit) {
      this.what = what;
      this.total = total;
      this.unit = unit;
      eta.add(System.nanoTime(), 0);
    }

    @Override
    public void advance(long n) {
      synchronized (ConsoleProgress.this) {
        done += n;
        eta.add(System.nanoTime(), done);
        draw(this, false);
      }
    }

    @Override
    public void close() {
      synchronized (ConsoleProgress.this) {
        running.remove(this);
        erase();
        if (live && !running.isEmpty()) {
          draw(running.getLast(), true);
        }
      }
    }

    private boolean isBytes() {
      return unit.equals("bytes");
    }

    private String amount(long n) {
      return isBytes() ? Figures.text((double) n, Unit.BYTES) : Long.toString(n);
    }

    private String line(long now, boolean bar) {
      if (total <= 0) {
        return what + "  " + amount(done) + (isBytes() ? "" : " " + unit);
      }
      double share = Math.min(1, (double) done / total);
      StringBuilder s = new StringBuilder(what).append("  ");
      if (bar) {
        int full = (int) Math.round(share * BAR);
        s.append('[').append("=".repeat(full)).append(" ".repeat(BAR - full)).append("] ");
      }
      s.append(Math.round(100 * share)).append("%  ");
      s.append(isBytes() ? amount(done) + " of " + amount(total) : done + "/" + total + " " + unit);
      s.append("  ");
      double left = eta.secondsLeft(now, total - done);
      s.append(left < 0 ? "warming up" : "about " + clock(left) + " left");
      return s.toString();
    }
  }
}
