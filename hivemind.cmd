@echo off
rem Starts the hivemind command. Builds it first when it is missing.
setlocal
set "ROOT=%~dp0"
set "JAR=%ROOT%samples\node-launcher\target\hivemind.jar"
set "JAVA=java"
if defined JAVA_HOME set "JAVA=%JAVA_HOME%\bin\java"
"%JAVA%" -version >nul 2>&1
if errorlevel 1 (
    echo hivemind: There is no Java. Install a JDK, 17 or newer, from https://adoptium.net, or point JAVA_HOME at one. 1>&2
    exit /b 1
)
if not exist "%JAR%" (
    where mvn >nul 2>&1
    if errorlevel 1 (
        echo hivemind: There is no Maven, which builds hivemind. Install 3.8.6 or newer from https://maven.apache.org/download.cgi. 1>&2
        exit /b 1
    )
    echo hivemind: building for the first time: Maven downloads about 280 MB and keeps them; this takes some minutes, once 1>&2
    pushd "%ROOT%"
    call mvn -B -q -DskipTests -pl samples/node-launcher -am package 1>&2
    if errorlevel 1 (
        popd
        echo hivemind: The build failed. The lines above say why. 1>&2
        exit /b 1
    )
    popd
)
set OPT_OUT_TRACKING=true
"%JAVA%" -XX:+UseSerialGC -Xmn32m -Dai.djl.offline=true -Dai.djl.pytorch.graph_optimizer=false -Dio.netty.tryReflectionSetAccessible=true --add-opens=java.base/java.nio=ALL-UNNAMED -jar "%JAR%" %*
exit /b %ERRORLEVEL%
