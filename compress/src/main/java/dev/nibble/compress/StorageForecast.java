package dev.nibble.compress;

import dev.nibble.compress.allocate.Allocation;
import dev.nibble.models.Site;
import java.util.Optional;

/**
 * What the whole recipe would store under an allocation: lets a step that shares out bits count the
 * bytes of the file before anything is there.
 */
public interface StorageForecast {

  /**
   * How the last step that stores a site would store it; empty when it stays plain.
   *
   * @throws dev.nibble.core.NibbleException when a step cannot store it that way
   */
  Optional<StoredForm> form(Site site, Allocation allocation);

  /** Size of the weights file in bytes, headers included; exact when every form is. */
  long fileBytes(Allocation allocation);
}
