@echo off
rem Runs an installed Nibble on Windows. Needs JAVA_HOME (JDK 25 or newer) or java on the PATH.
setlocal
set "NIBBLE_LIB=%~dp0..\lib"
set "NIBBLE_JAVA=java"
if defined JAVA_HOME set "NIBBLE_JAVA=%JAVA_HOME%\bin\java"
"%NIBBLE_JAVA%" --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED -XX:+UseParallelGC -Xms64m -XX:MaxNewSize=96m "-Dnibble.home=%~dp0.." %NIBBLE_JAVA_OPTS% -cp "%NIBBLE_LIB%\*" dev.nibble.cli.Main %*
exit /b %ERRORLEVEL%
