// The durations of one row of a recording, cut into slices of time so that they can be resampled
// (analysis/bootstrap.h). Memory does not grow with the recording.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/distribution.h"
#include "base/time.h"

namespace trapline::analysis {

inline constexpr std::size_t kSlices = 128;

// Equal values of one slice.
struct SampleGroup {
  std::uint64_t value = 0;
  std::uint32_t count = 0;
  std::uint16_t slice = 0;
};

// The samples in the order of their values, for percentiles of any mixture of their slices.
class SortedSamples {
 public:
  SortedSamples(std::vector<SampleGroup> groups, std::size_t slices, bool exact);

  [[nodiscard]] std::size_t slices() const { return slices_; }
  // Whether values are as they were measured, or the tops of their buckets (base/log_linear.h).
  [[nodiscard]] bool exact() const { return exact_; }
  // The same by the tops of their buckets.
  [[nodiscard]] SortedSamples in_buckets() const;

  // Nearest rank, as Distribution has it; 0 without samples.
  [[nodiscard]] std::uint64_t percentile(double percent) const;
  // The same if each slice were there as often as `weights` says.
  [[nodiscard]] std::uint64_t percentile(double percent, std::span<const std::uint16_t> weights) const;

 private:
  [[nodiscard]] std::uint64_t below(std::size_t mark, std::span<const std::uint16_t> weights) const;

  std::vector<SampleGroup> groups_;
  std::size_t slices_;
  bool exact_;
  std::size_t stride_;  // groups from one mark to the next
  // At each mark, for each slice, the samples before it: so that a percentile need not walk all groups.
  std::vector<std::uint64_t> marks_;
};

// Slices are of equal length, and the first sample and the last are in the first and the last of them: what
// happens during a part of a recording only is resampled within that part. Up to Distribution's limit every
// sample is kept, then a histogram for each slice; two slices become one whenever more are needed.
class SlicedSamples {
 public:
  void add(HostNs at, std::uint64_t value);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] SortedSamples sorted() const;

 private:
  struct Sample {
    std::uint64_t at = 0;
    std::uint64_t value = 0;
  };
  using Bucket = std::array<std::uint32_t, kSlices>;

  [[nodiscard]] std::size_t slice_of(std::uint64_t at) const;
  void add_to_histogram(Sample sample);

  std::uint64_t count_ = 0;
  std::uint64_t first_ = ~std::uint64_t{0};
  std::uint64_t last_ = 0;
  std::uint64_t max_ = 0;
  std::vector<Sample> samples_;
  std::uint64_t origin_ = 0;
  std::uint64_t width_ = 0;  // of a slice; 0: samples are kept
  std::vector<std::unique_ptr<Bucket>> histogram_;
};

}  // namespace trapline::analysis
