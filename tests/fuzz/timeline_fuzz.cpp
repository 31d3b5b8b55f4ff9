// Whatever events a recording has, in whatever order of their own times: a timeline is made of them, whose
// states touch and never overlap, or it is said why not. A page's timeline that is packed of it is unpacked
// again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <span>

#include "tests/fuzz/packed_events.h"
#include "tests/support/packed_chunk.h"
#include "tests/support/page_elements.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"
#include "viewer/output/string_sink.h"
#include "viewer/web/packed_timeline.h"

namespace trapline::fuzz {
namespace {

class CheckingSink : public tracer::TimelineSink {
 public:
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override {
    require(slice.begin <= slice.end, "a state ends before it begins");
    const auto last = state_ends_.find(vcpu);
    require(last == state_ends_.end() || last->second == slice.begin, "states do not touch");
    state_ends_[vcpu] = slice.end;
  }
  void exit(std::uint16_t, const tracer::Exit& exit) override {
    if (exit.vmm_begin && exit.vmm_end)
      require(*exit.vmm_begin <= *exit.vmm_end, "a stay ends before it begins");
  }

 private:
  static void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "timeline_fuzz: %s\n", what);
    std::abort();
  }
  std::map<std::uint16_t, HostNs> state_ends_;
};

// Unpacking throws where bytes are missing or left over.
void check_page(const recording::RecordingReader& reader) {
  viewer::StringSink sink;
  viewer::TextBuffer out(sink);
  viewer::PackedTimeline packed(0, reader.vcpus().size(), 1'000'000, out);
  if (!tracer::stream_timeline(reader, packed) || !out.finish()) return;
  const auto dictionaries = packed.dictionaries(reader);
  if (!dictionaries) return;
  const auto masks = test::link_masks(*dictionaries);
  for (const std::string& chunk : test::elements_of(sink.text).hot)
    (void)test::unpack_hot(chunk, masks);
}

}  // namespace
}  // namespace trapline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trapline;
  static const fuzz::ScratchFolder folder;
  fuzz::unpack_events(std::as_bytes(std::span(data, size))).write_to(folder.path());
  const auto reader = recording::RecordingReader::open(folder.path());
  if (!reader) {
    std::fprintf(stderr, "timeline_fuzz: not a valid recording: %s\n", reader.error().what.c_str());
    std::abort();
  }
  fuzz::CheckingSink sink;
  (void)tracer::stream_timeline(*reader, sink);
  fuzz::check_page(*reader);
  return 0;
}
