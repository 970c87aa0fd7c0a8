package dev.hivemind.launcher.options;

/**
 * The value of an option that no flag gave.
 *
 * @param value as it would stand on the command line
 * @param source where it stands, for people
 */
record Setting(String value, String source) {}
