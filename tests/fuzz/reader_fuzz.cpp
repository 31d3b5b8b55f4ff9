// Whatever bytes a recording has: it opens or is refused with a file's name, and all that is handed out lies
// within it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

#include "tests/fuzz/packed_recording.h"
#include "tracer/recording/reader.h"

namespace trapline::fuzz {
namespace {

using namespace recording;

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "reader_fuzz: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

// Every byte, so that the sanitizer sees one that is not ours.
std::uint64_t sum_of(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (const std::byte byte : bytes)
    sum += static_cast<std::uint64_t>(byte);
  return sum;
}

std::uint64_t touch(const EventRecord& record) {
  return std::visit(
      [](auto of_kind) -> std::uint64_t {
        if constexpr (std::is_same_v<decltype(of_kind), std::monostate>) {
          return 0;
        } else {
          return sum_of(std::as_bytes(std::span(of_kind, 1)));
        }
      },
      record);
}

void check_error(const Status& status, const std::filesystem::path& folder) {
  if (status) return;
  require(status.error().what.find(folder.string()) != std::string::npos, "an error names no file");
  require(status.error().what.find(": byte ") != std::string::npos, "an error names no byte");
}

void read(const RecordingReader& reader) {
  std::uint64_t sum = reader.lost() + reader.cut().size() + reader.clock_samples().size();
  HostNs latest;
  Event event;
  auto merged = reader.merged();
  for (; merged.next(event); latest = event.at) {
    require(event.at >= latest, "a merged walk runs backwards");
    sum += touch(event.record);
  }
  check_error(merged.status(), reader.folder());
  for (const StreamSummary& stream : reader.streams()) {
    auto cursor = reader.events(stream.key);
    std::uint64_t bytes = 0;
    latest = {};
    for (; cursor.next(event); latest = event.at) {
      require(event.at >= latest, "a stream runs backwards");
      sum += touch(event.record);
      bytes += std::holds_alternative<const Gap*>(event.record) ? 0 : 1;
    }
    require(bytes <= stream.event_bytes / 32, "a stream has more events than bytes for them");
    check_error(cursor.status(), reader.folder());
  }
  // Used, so that it is not left out.
  require(sum != ~std::uint64_t{0}, "a sum of bytes");
}

}  // namespace
}  // namespace trapline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trapline;
  static const fuzz::ScratchFolder folder;
  fuzz::unpack(std::as_bytes(std::span(data, size))).write_to(folder.path());
  const auto reader = recording::RecordingReader::open(folder.path());
  if (reader) {
    fuzz::read(*reader);
  } else {
    fuzz::require(reader.error().what.find(folder.path().string()) != std::string::npos,
                  "a refusal names no file");
  }
  return 0;
}
