#include "analysis/completeness.h"

namespace trapline::analysis {

Completeness completeness_of(const recording::RecordingReader& reader) {
  Completeness whole;
  whole.records_lost = reader.lost();
  for (const auto& loss : reader.losses()) {
    if (loss.source == recording::LossSource::unattributed) {
      whole.unattributed += loss.count;
    } else if (loss.source == recording::LossSource::filtered) {
      whole.filtered += loss.count;
    } else {
      whole.records_lost += loss.count;
    }
  }
  for (const auto& cut : reader.cut())
    whole.cut_files.push_back(cut.file);
  whole.ended = reader.end() ? std::string(recording::end_reason_name(reader.end()->reason))
                             : "cut off: the recorder did not come to its end";
  return whole;
}

}  // namespace trapline::analysis
