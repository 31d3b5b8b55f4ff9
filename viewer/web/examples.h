// One event of each cell of a comparison, with all that happened around it: small timelines for the page.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "tracer/recording/reader.h"

namespace trapline::viewer {

class Examples {
 public:
  // Of every named workload that the recording holds the event whose round trip is the median; of each vCPU's
  // the first `warm_up` do not count. Reads the recording twice.
  [[nodiscard]] Status add(const std::string& path, const std::vector<std::string>& workloads,
                           std::uint64_t warm_up, const recording::RecordingReader& reader);

  // [{"path","workload","timeline","vcpu","u0_ns","k1_ns","k2_ns","u3_ns"}]
  [[nodiscard]] const nlohmann::json& list() const { return list_; }
  // Their timelines as elements of the page.
  [[nodiscard]] const std::string& elements() const { return elements_; }

 private:
  nlohmann::json list_ = nlohmann::json::array();
  std::string elements_;
};

}  // namespace trapline::viewer
