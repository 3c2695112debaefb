import Glibc

/// Runs `body` with the descriptor of a file that has that content, and no name.
func withFile<R>(
    _ content: [UInt8], _ body: (_ file: CInt) async throws -> R
) async throws -> R {
    var template = Array("/tmp/asynccore-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { fatalError("no file: errno \(errno)") }
    unlink(template)
    defer { close(file) }
    guard write(file, content, content.count) == content.count else {
        fatalError("file not written: errno \(errno)")
    }
    guard lseek(file, 3, SEEK_SET) == 3 else { fatalError("no seek: errno \(errno)") }
    return try await body(file)
}

/// Where the file stands: 3 for one of `withFile` that nobody has moved.
func position(of file: CInt) -> Int { lseek(file, 0, SEEK_CUR) }
