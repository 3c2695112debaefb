import Glibc

/// Runs `body` with the path of a new folder, and removes it with what is left in it.
func withFolder<R>(_ body: (_ folder: String) async throws -> R) async throws -> R {
    var template = Array("/tmp/asynccore-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no folder: errno \(errno)") }
    let bytes = template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let folder = String(decoding: bytes, as: UTF8.self)
    defer {
        for name in ["s", "other", String(repeating: "x", count: 107 - folder.utf8.count - 1)] {
            unlink("\(folder)/\(name)")
        }
        rmdir(folder)
    }
    return try await body(folder)
}

/// Whether there is anything at the path.
func exists(_ path: String) -> Bool {
    var found = stat()
    return lstat(path, &found) == 0
}

/// The permissions of the file at the path.
func mode(_ path: String) -> UInt32 {
    var found = stat()
    return lstat(path, &found) == 0 ? found.st_mode & 0o7777 : .max
}

/// Makes a file with nothing in it.
func touch(_ path: String) { close(open(path, O_CREAT | O_WRONLY, 0o600)) }
