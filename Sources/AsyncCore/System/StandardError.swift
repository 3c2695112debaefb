// The process's standard error, for the last resort.
internal import Glibc

/// Writes one line to standard error, whole.
///
/// Errors of the write are nobody's to handle.
package func writeLineToStandardError(_ line: String) {
    var text = line
    text += "\n"
    text.withUTF8 { bytes in
        // SAFETY: the bytes are valid inside the closure, and write(2) only reads them.
        _ = unsafe Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }
}
