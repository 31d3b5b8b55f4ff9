// A recording in one piece of bytes, as a fuzzer wants it, and as files again.
//
// Packed format, made for being mutated: sections one after the other until the bytes end. A section is
//   1 byte   file: index into kPackedFiles (modulo their number); bit 7: the section is a packet
//   2 bytes  size of what follows, little endian; of a size beyond the end, what is there
// and then, of a file's section, bytes that are appended to the file as they are, or, of a packet's section,
//   8 + 8 bytes  timestamp_begin, timestamp_end
//   1 byte       events_discarded
//   the rest     its events' bytes
// to which a valid packet header is made. So a fuzzer can break headers with the one and reach behind them
// with the other. Without a section of `metadata` the recording has valid metadata. All packets are of
// kPackedUuid.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/recording/info.h"
#include "tracer/recording/schema.h"

namespace trapline::fuzz {

inline constexpr recording::Uuid kPackedUuid = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
                                                0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};

inline constexpr auto kPackedFiles =
    std::to_array<std::string_view>({"metadata", "session", "exits_cpu0", "kvm_cpu0", "stamps_vcpu0",
                                     "vmm_vcpu0", "vmm_devices", "steps_vcpu0", "exits_cpu1", "kvm_cpu1",
                                     "stamps_vcpu1", "vmm_vcpu1", "exits_cpu3", "kvm_cpu3", "steps_vcpu1"});
inline constexpr std::uint8_t kPacketSection = 0x80;

// The recording's files, in memory.
class Files {
 public:
  void append(std::string_view file, std::span<const std::byte> bytes);
  void append_packet(std::string_view file, std::uint64_t begin, std::uint64_t end, std::uint64_t discarded,
                     std::span<const std::byte> events);
  // Writes those that there are into `folder`, and valid metadata if there is none; takes away the others
  // that a packed recording could have had.
  void write_to(const std::filesystem::path& folder) const;

 private:
  std::map<std::string, std::vector<std::byte>, std::less<>> contents_;
  std::map<std::string, std::uint64_t, std::less<>> packets_;
};

[[nodiscard]] Files unpack(std::span<const std::byte> packed);

// A folder in memory, if this machine has one, for the whole run: removed at its end.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace trapline::fuzz
