// Which slices of a story have been written: so that an arrow that is begun is begun once, and by the
// earliest. Of stories that ended long ago nothing is kept.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "tracer/timeline/interrupt.h"

namespace trapline::viewer {

class Stories {
 public:
  struct Story {
    tracer::InterruptId id = tracer::kNoInterrupt;
    bool told = false;       // its end was told: what follows is final
    bool pends = false;      // it has a slice before its injection's
    bool has_first = false;  // a slice has been given the part `first`
    HostNs injected;         // when it was; 0: not, or not known
  };

  // What is known of a story, to be filled in.
  [[nodiscard]] Story& of(tracer::InterruptId id) {
    Story& story = stories_[id % kKept];
    if (story.id != id) {
      story = {};
      story.id = id;
    }
    return story;
  }

 private:
  static constexpr std::size_t kKept = 8192;  // more than can be under way
  std::vector<Story> stories_ = std::vector<Story>(kKept);
};

}  // namespace trapline::viewer
