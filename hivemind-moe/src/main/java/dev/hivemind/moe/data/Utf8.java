package dev.hivemind.moe.data;

import java.io.IOException;
import java.io.OutputStream;

/** Code points as bytes. */
final class Utf8 {

    private Utf8() {}

    static void write(int codePoint, OutputStream out) throws IOException {
        if (codePoint < 0x80) {
            out.write(codePoint);
            return;
        }
        if (codePoint < 0x800) {
            out.write(0xC0 | codePoint >> 6);
        } else if (codePoint < 0x10000) {
            out.write(0xE0 | codePoint >> 12);
            out.write(0x80 | (codePoint >> 6 & 0x3F));
        } else {
            out.write(0xF0 | codePoint >> 18);
            out.write(0x80 | (codePoint >> 12 & 0x3F));
            out.write(0x80 | (codePoint >> 6 & 0x3F));
        }
        out.write(0x80 | (codePoint & 0x3F));
    }
}
