// Between libFuzzer and what is tried.
import CFuzzDriver
import Glibc

/// A program that libFuzzer drives.
///
/// A wrong result ends the process with a trap, as libFuzzer wants it.
public protocol FuzzTarget {
    /// Tries one input.
    static func run(_ input: [UInt8])
}

extension FuzzTarget {
    public static func main() {
        theTarget = Self.self
        var argumentCount = CommandLine.argc
        var arguments = Optional(CommandLine.unsafeArgv)
        let pointer = withUnsafeMutablePointer(to: &arguments) {
            UnsafeMutableRawPointer($0).assumingMemoryBound(
                to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self)
        }
        exit(
            LLVMFuzzerRunDriver(&argumentCount, pointer) { bytes, count in
                theTarget?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
                return 0
            })
    }
}

// Set once, before the only thread goes on.
nonisolated(unsafe) private var theTarget: (any FuzzTarget.Type)?

/// Ends the process, and says why.
public func fail(_ what: String) -> Never { fatalError(what) }

/// Ends the process unless that is so.
public func require(_ condition: Bool, _ what: @autoclosure () -> String) {
    if !condition { fail(what()) }
}
