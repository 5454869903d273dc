# Sets JAVA to a java command of version 25 or newer, and JAVA_HOME to match; ends the script with
# instructions when there is none. Order: JAVA_HOME, the java on the PATH, the usual places.

java_version() { # prints the feature version of the JDK in $1, or nothing
  [ -x "$1/bin/java" ] || return 0
  if [ -r "$1/release" ]; then
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
  else
    "$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1
  fi
}

suits() { # true when $1 holds a JDK of version 25 or newer with a compiler when $2 is "javac"
  _version=$(java_version "$1")
  [ -n "$_version" ] && [ "$_version" -ge 25 ] 2>/dev/null || return 1
  [ "${2:-}" != javac ] || [ -x "$1/bin/javac" ]
}

find_jdk() { # $1 = "javac" to insist on a compiler
  if [ -n "${JAVA_HOME:-}" ] && suits "$JAVA_HOME" "${1:-}"; then
    JAVA="$JAVA_HOME/bin/java"
    return 0
  fi
  _path_java=$(command -v java 2>/dev/null || true)
  if [ -n "$_path_java" ]; then
    _path_java=$(readlink -f "$_path_java" 2>/dev/null || echo "$_path_java")
    _home=$(dirname "$(dirname "$_path_java")")
  else
    _home=/nonexistent
  fi
  for _candidate in "$_home" \
    /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* /usr/local/jdk* /usr/local/openjdk* \
    "${HOME:-/nonexistent}"/.sdkman/candidates/java/* "${HOME:-/nonexistent}"/.jdks/* \
    "${HOME:-/nonexistent}"/.local/share/mise/installs/java/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home \
    /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home; do
    if suits "$_candidate" "${1:-}"; then
      JAVA_HOME=$_candidate
      JAVA="$JAVA_HOME/bin/java"
      export JAVA_HOME
      return 0
    fi
  done
  cat >&2 <<'MESSAGE'
nibble needs a JDK of version 25 or newer and found none (it looked at JAVA_HOME, the PATH and the
usual folders). Install one, for instance Eclipse Temurin 25 from your package manager (apt install
temurin-25-jdk, brew install openjdk, sdk install java 25-tem), then run the command again or set
JAVA_HOME to it.
MESSAGE
  exit 4
}
