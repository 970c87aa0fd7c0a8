package dev.hivemind.launcher.logging;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.spi.ContextAwareBase;

/**
 * Logs to standard error, as text or as JSON. The level and the format are those of the system properties
 * {@value #LEVEL} and {@value #FORMAT} when the first logger is made. A file named by {@code logback.configurationFile} goes
 * first.
 */
@ConfiguratorRank(ConfiguratorRank.CUSTOM_HIGH_PRIORITY)
public final class LogConfiguration extends ContextAwareBase implements Configurator {

    /** The least level that is logged: ERROR, WARN, INFO, DEBUG or TRACE. Default: WARN. */
    public static final String LEVEL = "hivemind.log.level";

    /** {@code text} or {@code json}. Default: text. */
    public static final String FORMAT = "hivemind.log.format";

    private static final String FILE = "logback.configurationFile";
    private static final String PATTERN = "%d{HH:mm:ss.SSS} %-5level %logger{0}: %msg%n%ex{0}";

    /** For {@link java.util.ServiceLoader}. */
    public LogConfiguration() {}

    @Override
    public ExecutionStatus configure(LoggerContext loggers) {
        if (System.getProperty(FILE) != null) {
            return ExecutionStatus.INVOKE_NEXT_IF_ANY;
        }
        var root = loggers.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(level(Level.WARN));
        root.addAppender(console(loggers));
        // PyTorch's CUDA probe warns on machines that have the CUDA libraries but no driver.
        loggers.getLogger("ai.djl.util.cuda").setLevel(Level.ERROR);
        // A command that finds no peer says so itself.
        loggers.getLogger("dev.hivemind.dht.Bootstrap").setLevel(level(Level.ERROR));
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    private static Level level(Level byDefault) {
        return Level.toLevel(System.getProperty(LEVEL), byDefault);
    }

    private static ConsoleAppender<ILoggingEvent> console(LoggerContext loggers) {
        var console = new ConsoleAppender<ILoggingEvent>();
        console.setContext(loggers);
        console.setTarget("System.err");
        console.setEncoder("json".equals(System.getProperty(FORMAT)) ? json(loggers) : text(loggers));
        console.start();
        return console;
    }

    private static Encoder<ILoggingEvent> text(LoggerContext loggers) {
        var encoder = new PatternLayoutEncoder();
        encoder.setContext(loggers);
        encoder.setPattern(PATTERN);
        encoder.start();
        return encoder;
    }

    private static Encoder<ILoggingEvent> json(LoggerContext loggers) {
        var encoder = new JsonEncoder();
        encoder.setContext(loggers);
        encoder.setWithSequenceNumber(false);
        encoder.setWithContext(false);
        encoder.setWithMessage(false);
        encoder.setWithArguments(false);
        encoder.setWithFormattedMessage(true);
        encoder.start();
        return encoder;
    }
}
