#include "tracer/recording/metadata.h"

#include <gtest/gtest.h>

#include "sample_recording.h"

namespace trapline::recording {
namespace {

using test::sample_info;

constexpr Uuid kUuid = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                        0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

void expect_same(const RecordingInfo& read, const RecordingInfo& written) {
  EXPECT_EQ(read.trapline_version, written.trapline_version);
  EXPECT_EQ(read.hostname, written.hostname);
  EXPECT_EQ(read.kernel_release, written.kernel_release);
  EXPECT_EQ(read.cpu_model, written.cpu_model);
  EXPECT_EQ(read.time_kind, written.time_kind);
  EXPECT_EQ(read.isa, written.isa);
  EXPECT_EQ(read.apicv, written.apicv);
  EXPECT_EQ(read.tsc_khz, written.tsc_khz);
  EXPECT_EQ(read.started_unix_ns, written.started_unix_ns);
  EXPECT_EQ(read.mode, written.mode);
  EXPECT_EQ(read.path, written.path);
  EXPECT_EQ(read.command_line, written.command_line);
}

TEST(Metadata, ReadsBackWhatItWrote) {
  const std::string text = make_metadata(sample_info(), kUuid);
  EXPECT_TRUE(text.starts_with("/* CTF 1.8 */\n"));
  EXPECT_NE(text.find("uuid = \"00112233-4455-6677-8899-aabbccddeeff\";"), std::string::npos);
  const auto read = parse_metadata(text, "metadata");
  ASSERT_OK(read);
  EXPECT_EQ(read->uuid, kUuid);
  expect_same(read->info, sample_info());
}

TEST(Metadata, KeepsHostileStrings) {
  std::string every_byte;
  for (int byte = 1; byte < 256; ++byte)
    every_byte += static_cast<char>(byte);
  RecordingInfo info = sample_info();
  info.hostname = "x\"; };\nenv {\n\ttrapline_format = 9;\n};\n";
  info.kernel_release = "\\";
  info.cpu_model = every_byte;
  info.mode = "\"\\\"*/ /*\\";
  info.path = "};\n};";
  info.command_line = std::string(5000, '"');
  const std::string text = make_metadata(info, kUuid);
  for (const char c : text)
    EXPECT_TRUE(c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f));
  const auto read = parse_metadata(text, "metadata");
  ASSERT_OK(read);
  expect_same(read->info, info);
}

TEST(Metadata, EndsStringsAtNul) {
  RecordingInfo info = sample_info();
  info.hostname = std::string("ab\0cd", 5);
  const auto read = parse_metadata(make_metadata(info, kUuid), "metadata");
  ASSERT_OK(read);
  EXPECT_EQ(read->info.hostname, "ab");
}

TEST(Metadata, EscapesKeepTheDigitsAfterThem) {
  EXPECT_EQ(tsdl_literal("\x01"
                         "7"),
            "\"\\0017\"");
}

TEST(Metadata, ToleratesItemsItDoesNotKnowAndItemsThatLack) {
  std::string text = make_metadata(sample_info(), kUuid);
  text.replace(text.find("\tisa = \"svm\";"), 13, "\tnewer = \"x\";");
  const auto read = parse_metadata(text, "metadata");
  ASSERT_OK(read);
  EXPECT_EQ(read->info.isa, Isa::none);
}

TEST(Metadata, RecordingsFromBeforeApicvWasToldDoNotSay) {
  std::string text = make_metadata(sample_info(), kUuid);
  const std::string line = "\tapicv = \"on\";\n";
  ASSERT_NE(text.find(line), std::string::npos);
  text.erase(text.find(line), line.size());
  const auto read = parse_metadata(text, "metadata");
  ASSERT_OK(read);
  EXPECT_EQ(read->info.apicv, Apicv::unknown);
}

struct Refusal {
  const char* name;
  const char* find;
  const char* put;
  const char* error;  // part of what the error says
};

class MetadataRefused : public testing::TestWithParam<Refusal> {};

TEST_P(MetadataRefused, NamesTheFileAndTheReason) {
  std::string text = make_metadata(sample_info(), kUuid);
  const std::string find = GetParam().find;
  ASSERT_NE(text.find(find), std::string::npos);
  text.replace(text.find(find), find.size(), GetParam().put);
  const auto read = parse_metadata(text, "dir/metadata");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find("dir/metadata"), std::string::npos) << read.error().what;
  EXPECT_NE(read.error().what.find(GetParam().error), std::string::npos) << read.error().what;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, MetadataRefused,
    testing::Values(Refusal{"signature", "/* CTF 1.8 */", "hello", "not the metadata of a recording"},
                    Refusal{"foreign", "\ttrapline_format = 3;\n", "", "not one that trapline made"},
                    Refusal{"packetized", "/* CTF 1.8 */", "\x57\x1d\xd1\x75", "not one that trapline made"},
                    Refusal{"version", "trapline_format = 3", "trapline_format = 4", "format \"4\""},
                    Refusal{"version_0", "trapline_format = 3", "trapline_format = 0", "format \"0\""},
                    Refusal{"odd_version", "trapline_format = 3", "trapline_format = \"x\\",
                            "reads formats 1 to 3"},
                    Refusal{"uuid", "0011", "001x", "uuid"}, Refusal{"short_uuid", "-4455", "", "uuid"},
                    Refusal{"no_uuid", "uuid = \"", "uuie = \"", "uuid"},
                    Refusal{"open_string", "\"host\"", "\"ho\"st\"", "hostname"},
                    Refusal{"bad_escape", "\"host\"", "\"h\\qst\"", "hostname"},
                    Refusal{"large_escape", "\"host\"", "\"h\\777\"", "hostname"},
                    Refusal{"cut_escape", "\"host\"", "\"h\\\"", "hostname"},
                    Refusal{"number", "tsc_khz = 3000000", "tsc_khz = 3x", "tsc_khz"},
                    Refusal{"large_number", "tsc_khz = 3000000", "tsc_khz = 99999999999999999999", "tsc_khz"},
                    Refusal{"time_kind", "\"counted\"", "\"weighed\"", "time_kind"},
                    Refusal{"isa", "isa = \"svm\"", "isa = svm", "isa"},
                    Refusal{"apicv", "apicv = \"on\"", "apicv = \"maybe\"", "apicv"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Metadata, ErrorsNameTheByteOfTheValue) {
  std::string text = make_metadata(sample_info(), kUuid);
  text.replace(text.find("3000000"), 2, "3x");
  const auto read = parse_metadata(text, "metadata");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find("metadata: byte " + std::to_string(text.find("3x")) + ": the value of"),
            std::string::npos)
      << read.error().what;
}

// A real tracer's metadata: LTTng writes it packetized or, converted by babeltrace, plain.
TEST(Metadata, RefusesAnotherTracersTrace) {
  const auto read = parse_metadata(
      "/* CTF 1.8 */\ntrace {\n\tmajor = 1;\n};\nenv {\n\ttracer_name = \"lttng\";\n};\n", "metadata");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find("not one that trapline made"), std::string::npos);
  EXPECT_FALSE(read.error().remedy.empty());
}

TEST(Metadata, CutAnywhereIsAnErrorThatNamesFileAndByte) {
  const std::string text = make_metadata(sample_info(), kUuid);
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto read = parse_metadata(std::string_view(text).substr(0, size), "dir/metadata");
    ASSERT_FALSE(read) << "cut at " << size;
    ASSERT_NE(read.error().what.find("dir/metadata: byte " + std::to_string(size) + ": "), std::string::npos)
        << "cut at " << size << ": " << read.error().what;
  }
  EXPECT_NE(parse_metadata(text.substr(0, text.size() - 100), "metadata").error().what.find("was cut here"),
            std::string::npos);
}

TEST(Metadata, FlippedBitsAreErrorsThatNameTheFileOrOtherValues) {
  const std::string text = make_metadata(sample_info(), kUuid);
  int read = 0;
  int refused = 0;
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto metadata = parse_metadata(flipped, "dir/metadata");
    ++(metadata ? read : refused);
    if (!metadata) {
      ASSERT_NE(metadata.error().what.find("dir/metadata"), std::string::npos)
          << "bit " << bit << ": " << metadata.error().what;
    }
  }
  EXPECT_GT(read, 1000);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace trapline::recording
