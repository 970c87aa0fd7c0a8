package dev.hivemind.dashboard.history;

/** Makes text of strangers fit to be shown on one line. */
final class PlainText {

    private static final int REPLACEMENT = 0xFFFD;

    private PlainText() {}

    /**
     * The text without what is invisible or turns the direction of writing, and no longer than so many characters. Markup
     * stays what it is: text.
     */
    static String of(String text, int maxChars) {
        String shortened = text.length() <= maxChars ? text : text.substring(0, maxChars - 1) + "…";
        if (shortened.codePoints().allMatch(PlainText::isVisible)) {
            return shortened;
        }
        var visible = new StringBuilder(shortened.length());
        shortened.codePoints().map(c -> isVisible(c) ? c : REPLACEMENT).forEach(visible::appendCodePoint);
        return visible.toString();
    }

    private static boolean isVisible(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }
}
