// Package internal holds the floors: surface above domain above core above format and kit. Its only content is the test that keeps
// them so (arch_test.go); docs/ARCHITECTURE.md is the map.
package internal
