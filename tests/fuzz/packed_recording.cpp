#include "tests/fuzz/packed_recording.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/fd.h"
#include "base/file.h"
#include "tracer/recording/metadata.h"
#include "tracer/recording/packet.h"

namespace trapline::fuzz {
namespace {

using recording::PacketHeader;

const std::string& valid_metadata() {
  static const std::string text = [] {
    recording::RecordingInfo info;
    info.trapline_version = "fuzz";
    info.isa = recording::Isa::svm;
    info.path = "hvm";
    return recording::make_metadata(info, kPackedUuid);
  }();
  return text;
}

// Little endian, zeros where the bytes end.
std::uint64_t take_number(std::span<const std::byte>& bytes, std::size_t size) {
  std::uint64_t number = 0;
  size = std::min(size, bytes.size());
  std::memcpy(&number, bytes.data(), size);
  bytes = bytes.subspan(size);
  return number;
}

// A fuzzer whose own disk is full has nothing to say about recordings.
void must(bool done) {
  if (!done) ::_exit(77);
}

}  // namespace

void Files::append(std::string_view file, std::span<const std::byte> bytes) {
  auto& content = contents_[std::string(file)];
  content.insert(content.end(), bytes.begin(), bytes.end());
}

void Files::append_packet(std::string_view file, std::uint64_t begin, std::uint64_t end,
                          std::uint64_t discarded, std::span<const std::byte> events) {
  const auto key = recording::stream_of_file_name(file);
  if (!key) return;
  // All but the session's events are multiples of 8 bytes.
  if (key->stream != recording::StreamClass::session) events = events.first(events.size() / 8 * 8);
  PacketHeader header;
  header.uuid = kPackedUuid;
  header.stream_id = static_cast<std::uint32_t>(key->stream);
  header.stream_instance_id = header.instance = key->instance;
  header.timestamp_begin = begin;
  header.timestamp_end = end;
  header.content_size = header.packet_size = (sizeof header + events.size()) * 8;
  header.events_discarded = discarded;
  header.packet_seq_num = packets_[std::string(file)]++;
  append(file, std::as_bytes(std::span(&header, 1)));
  append(file, events);
}

void Files::write_to(const std::filesystem::path& folder) const {
  for (const std::string_view name : kPackedFiles) {
    const auto path = folder / name;
    const auto content = contents_.find(name);
    if (content == contents_.end() && name != recording::kMetadataFile) {
      ::unlink(path.c_str());
      continue;
    }
    const auto bytes = content != contents_.end() ? std::span<const std::byte>(content->second)
                                                  : std::as_bytes(std::span(valid_metadata()));
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    must(static_cast<bool>(fd));
    must(write_all(fd.get(), bytes, path.string()).has_value());
  }
}

Files unpack(std::span<const std::byte> packed) {
  Files files;
  while (!packed.empty()) {
    const auto kind = static_cast<std::uint8_t>(take_number(packed, 1));
    const auto size = static_cast<std::size_t>(take_number(packed, 2));
    std::span<const std::byte> bytes = packed.first(std::min(size, packed.size()));
    packed = packed.subspan(bytes.size());
    const std::string_view file = kPackedFiles[(kind & ~kPacketSection) % kPackedFiles.size()];
    if ((kind & kPacketSection) == 0) {
      files.append(file, bytes);
      continue;
    }
    const std::uint64_t begin = take_number(bytes, 8);
    const std::uint64_t end = take_number(bytes, 8);
    const std::uint64_t discarded = take_number(bytes, 1);
    files.append_packet(file, begin, end, discarded, bytes);
  }
  return files;
}

ScratchFolder::ScratchFolder() {
  const std::filesystem::path memory = "/dev/shm";
  const bool usable = ::access(memory.c_str(), W_OK) == 0;
  std::string name =
      ((usable ? memory : std::filesystem::temp_directory_path()) / "trapline-fuzz-XXXXXX").string();
  must(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace trapline::fuzz
