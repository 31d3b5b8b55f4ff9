#include "analysis/fail_on.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

namespace trapline::analysis {
namespace {

constexpr std::string_view kSpace = " \t";
constexpr std::string_view kDigits = "0123456789.";

struct Unit {
  std::string_view name;
  double size;  // in the metric's own unit
};
constexpr std::array kOfTimes = {Unit{"ns", 1}, Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9}};
constexpr std::array kOfCounts = {Unit{"", 1}};
constexpr std::array kOfRates = {Unit{"/s", 1}};
constexpr std::array kOfShares = {Unit{"points", 0.01}};

std::span<const Unit> units_of(Metric metric) {
  switch (metric) {
    case Metric::count:
      return kOfCounts;
    case Metric::rate:
      return kOfRates;
    case Metric::share:
      return kOfShares;
    case Metric::p50:
    case Metric::p99:
    case Metric::total:
      break;
  }
  return kOfTimes;
}

std::string all_metrics() {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kMetrics; ++i)
    names.push_back(metric_name(static_cast<Metric>(i)));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string all_units(Metric metric) {
  std::string text = "%";
  for (const Unit& unit : units_of(metric))
    text += unit.name.empty() ? ", or no unit" : fmt::format(", {}", unit.name);
  return text;
}

// What is between blanks, one blank between them.
std::string words_of(std::string_view text) {
  std::string words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.empty()) return words;
    const std::string_view word = text.substr(0, text.find_first_of(kSpace));
    words += fmt::format("{}{}", words.empty() ? "" : " ", word);
    text.remove_prefix(word.size());
  }
}

// Walks a condition from left to right.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Condition> parse() {
    Condition condition;
    condition.text = text_;
    // Nothing behind the rows has a colon; a row's name may.
    if (const auto colon = text_.rfind(':'); colon != std::string_view::npos) {
      condition.rows = words_of(text_.substr(0, colon));
      if (condition.rows.empty())
        return wrong("there are no rows before the colon", "give words of a row's name");
      at_ = colon + 1;
    }
    TRAPLINE_ASSIGN(metric, take_metric());
    condition.metric = metric;
    TRAPLINE_ASSIGN(sign, take_direction());
    TRAPLINE_ASSIGN(number, take_number());
    TRAPLINE_ASSIGN(unit, take_unit(metric));
    condition.percent = unit.name == "%";
    condition.threshold = sign * number * unit.size;
    return condition;
  }

 private:
  void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }
  [[nodiscard]] char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view what, std::string remedy) const {
    return fail(fmt::format("--fail-on '{}': at place {}: {}", text_, at_ + 1, what), std::move(remedy),
                ExitStatus::wrong_usage);
  }

  Result<Metric> take_metric() {
    skip_space();
    const auto end = std::min(text_.find_first_of("<>+-% \t", at_), text_.size());
    const std::string_view name = text_.substr(at_, end - at_);
    const auto metric = metric_of(name);
    if (!metric)
      return wrong(
          name.empty() ? "a metric is missing" : fmt::format("'{}' is no metric", name),
          "metrics are " + all_metrics() + "; rows are named before a colon, as in 'exit hlt: p50>+10%'");
    at_ = end;
    return *metric;
  }

  // 1 for ">+", -1 for "<-".
  Result<double> take_direction() {
    skip_space();
    const char direction = here();
    if (direction != '>' && direction != '<')
      return wrong("> or < is missing", "write for example p99>+10%, or rate<-5%");
    ++at_;
    skip_space();
    const char sign = direction == '>' ? '+' : '-';
    if (here() != sign)
      return wrong(fmt::format("after {} a change with {} is missing", direction, sign),
                   ">+ is for what grows, <- for what shrinks: p99>+10%, rate<-5%");
    ++at_;
    return direction == '>' ? 1.0 : -1.0;
  }

  Result<double> take_number() {
    const auto end = std::min(text_.find_first_not_of(kDigits, at_), text_.size());
    double number = 0;
    const auto [stop, error] =
        std::from_chars(text_.data() + at_, text_.data() + end, number, std::chars_format::fixed);
    if (error != std::errc{} || stop != text_.data() + end)
      return wrong("a number is missing", "write for example p99>+10%");
    at_ = end;
    return number;
  }

  Result<Unit> take_unit(Metric metric) {
    skip_space();
    const auto end = text_.find_last_not_of(kSpace) + 1;
    const std::string_view name = at_ < end ? text_.substr(at_, end - at_) : std::string_view{};
    if (name == "%") return Unit{"%", 1};
    for (const Unit& unit : units_of(metric)) {
      if (unit.name == name) return unit;
    }
    return wrong(
        name.empty() ? "a unit is missing" : fmt::format("'{}' is no unit of {}", name, metric_name(metric)),
        fmt::format("units of {} are {}", metric_name(metric), all_units(metric)));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool Condition::holds_for(const Change& change) const {
  if (!change.measurable()) return false;
  double value = change.difference();
  if (percent) value = change.percent(value).value_or(HUGE_VAL);
  return std::signbit(threshold) ? value < threshold : value > threshold;
}

Result<Condition> parse_condition(std::string_view text) {
  return Parser(text).parse();
}

bool names_row(std::string_view rows, std::string_view name) {
  return rows.empty() ||
         fmt::format(" {} ", words_of(name)).find(fmt::format(" {} ", rows)) != std::string::npos;
}

Result<std::vector<ConditionOutcome>> check_conditions(const std::vector<Condition>& conditions,
                                                       const Diff& diff,
                                                       const std::vector<std::string>& names) {
  std::vector<ConditionOutcome> outcomes;
  for (const Condition& condition : conditions) {
    ConditionOutcome outcome{condition, {}, 0, 0};
    for (std::size_t i = 0; i < diff.rows.size(); ++i) {
      const Change* change = diff.rows[i].find(condition.metric);
      if (change == nullptr || !names_row(condition.rows, names[i])) continue;
      ++(change->verdict == Verdict::too_few ? outcome.not_judged : outcome.judged);
      if (condition.holds_for(*change)) outcome.failed.push_back(i);
    }
    if (outcome.judged + outcome.not_judged == 0) {
      return fail(fmt::format("--fail-on '{}': no row that is compared by {} is named so", condition.text,
                              metric_name(condition.metric)),
                  "trapline diff without --fail-on shows the rows' names; --min-count leaves rows out",
                  ExitStatus::wrong_usage);
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace trapline::analysis
