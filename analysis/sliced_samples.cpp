#include "analysis/sliced_samples.h"

#include <algorithm>
#include <cmath>

#include "base/log_linear.h"

namespace trapline::analysis {
namespace {

constexpr std::size_t kMostMarks = 512;

bool by_value_and_slice(const SampleGroup& one, const SampleGroup& other) {
  return one.value != other.value ? one.value < other.value : one.slice < other.slice;
}

// Sorted, and of equal value and slice one group.
std::vector<SampleGroup> joined(std::vector<SampleGroup> groups) {
  std::sort(groups.begin(), groups.end(), by_value_and_slice);
  std::size_t kept = 0;
  for (const SampleGroup& group : groups) {
    if (kept != 0 && !by_value_and_slice(groups[kept - 1], group)) {
      groups[kept - 1].count += group.count;
    } else {
      groups[kept++] = group;
    }
  }
  groups.resize(kept);
  return groups;
}

std::uint64_t slice_width(std::uint64_t span, std::size_t slices) {
  return span / slices + 1;
}

}  // namespace

SortedSamples::SortedSamples(std::vector<SampleGroup> groups, std::size_t slices, bool exact)
    : groups_(joined(std::move(groups))),
      slices_(slices),
      exact_(exact),
      stride_(std::max<std::size_t>(kSlices, groups_.size() / kMostMarks + 1)) {
  std::vector<std::uint64_t> before(slices_);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (i % stride_ == 0) marks_.insert(marks_.end(), before.begin(), before.end());
    before[groups_[i].slice] += groups_[i].count;
  }
  marks_.insert(marks_.end(), before.begin(), before.end());
}

SortedSamples SortedSamples::in_buckets() const {
  std::vector<SampleGroup> groups = groups_;
  const std::uint64_t max = groups.empty() ? 0 : groups.back().value;
  for (SampleGroup& group : groups)
    group.value = std::min(log_linear::bucket_top(log_linear::bucket_of(group.value)), max);
  return {std::move(groups), slices_, false};
}

std::uint64_t SortedSamples::below(std::size_t mark, std::span<const std::uint16_t> weights) const {
  const std::uint64_t* before = marks_.data() + mark * slices_;
  std::uint64_t sum = 0;
  for (std::size_t slice = 0; slice < slices_; ++slice)
    sum += before[slice] * weights[slice];
  return sum;
}

std::uint64_t SortedSamples::percentile(double percent) const {
  return percentile(percent, std::vector<std::uint16_t>(slices_, 1));
}

std::uint64_t SortedSamples::percentile(double percent, std::span<const std::uint16_t> weights) const {
  if (groups_.empty()) return 0;
  const std::size_t last = marks_.size() / slices_ - 1;
  const std::uint64_t count = below(last, weights);
  if (count == 0) return 0;
  const std::uint64_t rank = nearest_rank(percent, count);
  // The last mark with fewer samples before it than the rank.
  std::size_t mark = 0;
  for (std::size_t end = last; end - mark > 1;) {
    const std::size_t middle = mark + (end - mark) / 2;
    (below(middle, weights) < rank ? mark : end) = middle;
  }
  std::uint64_t seen = below(mark, weights);
  for (std::size_t i = mark * stride_; i < groups_.size(); ++i) {
    seen += std::uint64_t{groups_[i].count} * weights[groups_[i].slice];
    if (seen >= rank) return groups_[i].value;
  }
  return groups_.back().value;
}

void SlicedSamples::add(HostNs at, std::uint64_t value) {
  ++count_;
  first_ = std::min(first_, at.value);
  last_ = std::max(last_, at.value);
  max_ = std::max(max_, value);
  if (width_ != 0) {
    add_to_histogram({at.value, value});
    return;
  }
  samples_.push_back({at.value, value});
  if (samples_.size() <= Distribution::kExactLimit) return;
  // Room for as much time again.
  origin_ = first_;
  width_ = slice_width(last_ - first_, kSlices / 2);
  histogram_.resize(log_linear::kBuckets);
  for (const Sample& sample : samples_)
    add_to_histogram(sample);
  samples_ = {};
}

// Of what came before the first slice, too: vCPUs are not told in the order of time.
std::size_t SlicedSamples::slice_of(std::uint64_t at) const {
  return at < origin_ ? 0 : static_cast<std::size_t>((at - origin_) / width_);
}

void SlicedSamples::add_to_histogram(Sample sample) {
  while (slice_of(sample.at) >= kSlices) {
    width_ *= 2;
    for (auto& bucket : histogram_) {
      if (!bucket) continue;
      for (std::size_t i = 0; i < kSlices; ++i)
        (*bucket)[i] = i < kSlices / 2 ? (*bucket)[2 * i] + (*bucket)[2 * i + 1] : 0;
    }
  }
  auto& bucket = histogram_[log_linear::bucket_of(sample.value)];
  if (!bucket) bucket = std::make_unique<Bucket>();
  ++(*bucket)[slice_of(sample.at)];
}

SortedSamples SlicedSamples::sorted() const {
  std::vector<SampleGroup> groups;
  if (width_ == 0) {
    const std::uint64_t width = count_ == 0 ? 1 : slice_width(last_ - first_, kSlices);
    for (const Sample& sample : samples_)
      groups.push_back({sample.value, 1, static_cast<std::uint16_t>((sample.at - first_) / width)});
    return {std::move(groups), count_ == 0 ? 1 : static_cast<std::size_t>((last_ - first_) / width + 1),
            true};
  }
  for (std::size_t i = 0; i < histogram_.size(); ++i) {
    if (!histogram_[i]) continue;
    const std::uint64_t value = std::min(log_linear::bucket_top(i), max_);
    for (std::size_t slice = 0; slice < kSlices; ++slice) {
      const std::uint32_t count = (*histogram_[i])[slice];
      if (count != 0) groups.push_back({value, count, static_cast<std::uint16_t>(slice)});
    }
  }
  return {std::move(groups), slice_of(last_) + 1, false};
}

}  // namespace trapline::analysis
