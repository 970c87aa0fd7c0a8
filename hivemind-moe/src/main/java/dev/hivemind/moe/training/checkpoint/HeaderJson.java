package dev.hivemind.moe.training.checkpoint;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * As much of JSON as headers of {@link TensorFile}s have: objects with different names, lists, texts and numbers of up to 18
 * digits without sign. Depth is bounded; anything else is an error.
 */
final class HeaderJson {

    private static final int MAX_DEPTH = 4;
    private static final int MAX_DIGITS = 18;
    private static final int UNICODE_DIGITS = 4;

    private final String text;
    private int position;
    private int depth;

    HeaderJson(String text) {
        this.text = text;
    }

    static String quote(String text) {
        var quoted = new StringBuilder(text.length() + 2).append('"');
        text.chars().forEach(character -> {
            boolean plain = character >= ' ' && character < 0x7f && character != '"' && character != '\\';
            quoted.append(plain ? String.valueOf((char) character) : "\\u%04x".formatted(character));
        });
        return quoted.append('"').toString();
    }

    /** The one object that the text is, followed by spaces at most. Values are maps, lists, strings and longs. */
    Map<String, Object> parse() throws MalformedFileException {
        Map<String, Object> object = object();
        skipSpace();
        if (position < text.length()) {
            throw malformed();
        }
        return object;
    }

    private Object value() throws MalformedFileException {
        return switch (peek()) {
            case '{' -> object();
            case '[' -> list();
            case '"' -> string();
            default -> number();
        };
    }

    private Map<String, Object> object() throws MalformedFileException {
        var object = new LinkedHashMap<String, Object>();
        enter('{');
        boolean more = !skip('}');
        while (more) {
            String name = string();
            expect(':');
            if (object.put(name, value()) != null) {
                throw new MalformedFileException("its header has '%s' twice".formatted(name));
            }
            more = skip(',');
            if (!more) {
                expect('}');
            }
        }
        depth--;
        return object;
    }

    private List<Object> list() throws MalformedFileException {
        var list = new ArrayList<Object>();
        enter('[');
        boolean more = !skip(']');
        while (more) {
            list.add(value());
            more = skip(',');
            if (!more) {
                expect(']');
            }
        }
        depth--;
        return list;
    }

    private void enter(char bracket) throws MalformedFileException {
        expect(bracket);
        if (++depth > MAX_DEPTH) {
            throw malformed();
        }
    }

    private Long number() throws MalformedFileException {
        int start = position;
        while (position < text.length() && isDigit(text.charAt(position))) {
            position++;
        }
        if (position == start || position - start > MAX_DIGITS) {
            throw malformed();
        }
        return Long.valueOf(text.substring(start, position));
    }

    private static boolean isDigit(char character) {
        return character >= '0' && character <= '9';
    }

    private String string() throws MalformedFileException {
        expect('"');
        var string = new StringBuilder();
        while (true) {
            char character = next();
            if (character == '"') {
                return string.toString();
            } else if (character < ' ') {
                throw malformed();
            }
            string.append(character == '\\' ? escaped() : character);
        }
    }

    private char escaped() throws MalformedFileException {
        char character = next();
        return switch (character) {
            case '"', '\\', '/' -> character;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> unicode();
            default -> throw malformed();
        };
    }

    private char unicode() throws MalformedFileException {
        int value = 0;
        for (int i = 0; i < UNICODE_DIGITS; i++) {
            int digit = Character.digit(next(), 16);
            if (digit < 0) {
                throw malformed();
            }
            value = value << 4 | digit;
        }
        return (char) value;
    }

    private char next() throws MalformedFileException {
        if (position >= text.length()) {
            throw malformed();
        }
        return text.charAt(position++);
    }

    private char peek() throws MalformedFileException {
        skipSpace();
        if (position >= text.length()) {
            throw malformed();
        }
        return text.charAt(position);
    }

    private boolean skip(char expected) throws MalformedFileException {
        boolean found = peek() == expected;
        position += found ? 1 : 0;
        return found;
    }

    private void expect(char expected) throws MalformedFileException {
        if (!skip(expected)) {
            throw malformed();
        }
    }

    private void skipSpace() {
        while (position < text.length() && " \t\r\n".indexOf(text.charAt(position)) >= 0) {
            position++;
        }
    }

    private MalformedFileException malformed() {
        return new MalformedFileException("its header cannot be read at character %d".formatted(position));
    }
}
