import AsyncCore

/// Runs `body` with loops on threads of their own, and ends them afterwards.
public func withLoops(
    _ count: Int, _ body: (_ loops: [EventLoop]) async throws -> Void
) async throws {
    let loops = try (0..<count).map { _ in try EventLoop.start(configuration: .quiet) }
    let result: Result<Void, any Error>
    do { result = .success(try await body(loops)) } catch { result = .failure(error) }
    for loop in loops { try await loop.shutdown() }
    try result.get()
}
