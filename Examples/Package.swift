// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Examples",
    dependencies: [.package(name: "AsyncCore", path: "..")],
    targets: ["quickstart"].map { name in
        .executableTarget(
            name: name, dependencies: [.product(name: "AsyncCore", package: "AsyncCore")])
    }
)
