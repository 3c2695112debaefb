// The process's environment.
internal import Glibc

package enum Environment {
    /// The value of a variable, if it is set.
    package static func value(of name: String) -> String? {
        // SAFETY: the text is copied at once; nobody changes the environment of a process that has
        // threads.
        guard let text = unsafe getenv(name) else { return nil }
        return unsafe String(cString: text)
    }
}
