// Whatever events a recording has, in whatever order of their own times: a timeline is made of them, whose
// states touch and never overlap, or it is said why not.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <span>

#include "tests/fuzz/packed_events.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"

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
  return 0;
}
