// What creating a recording does to the file system, and what it leaves alone.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample_recording.h"
#include "tracer/recording/reader.h"
#include "tracer/recording/writer.h"

namespace trapline::recording {
namespace {

using namespace test;
namespace fs = std::filesystem;

class Folder : public testing::Test {
 protected:
  static unsigned mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  static bool is_empty(const fs::path& folder) {
    return fs::directory_iterator(folder) == fs::directory_iterator();
  }

  TemporaryFolder scratch_;
  fs::path folder_ = scratch_ / "recording";
};

TEST_F(Folder, IsPrivateAndItsParentsAreMade) {
  const mode_t before = ::umask(0);
  const fs::path deep = scratch_ / "a/b/c";
  const Status written = write_sample(deep);
  ::umask(before);
  ASSERT_OK(written);
  EXPECT_EQ(mode_of(deep), 0700u);
  for (const auto& file : fs::directory_iterator(deep))
    EXPECT_EQ(mode_of(file), 0600u) << file.path();
}

TEST_F(Folder, EmptyOneIsTaken) {
  fs::create_directory(folder_);
  ASSERT_OK(write_sample(folder_));
  ASSERT_OK(RecordingReader::open(folder_));
}

TEST_F(Folder, NameWithSlashesAtItsEnd) {
  ASSERT_OK(write_sample(folder_.string() + "//"));
  ASSERT_OK(RecordingReader::open(folder_));
}

TEST_F(Folder, OneThatIsNotARecordingIsLeftAlone) {
  fs::create_directory(folder_);
  put_content(folder_ / "exits_cpu0", "mine");
  for (const IfExists if_exists : {IfExists::refuse, IfExists::replace}) {
    const auto status = write_sample(folder_, if_exists);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().what.find("exists and is not a recording"), std::string::npos)
        << status.error().what;
    EXPECT_FALSE(status.error().remedy.empty());
    EXPECT_EQ(content_of(folder_ / "exits_cpu0"), "mine");
    EXPECT_FALSE(fs::exists(folder_ / "metadata"));
  }
  put_content(folder_ / "metadata", "/* CTF 1.8 */\nenv {\n\ttracer_name = \"lttng\";\n};\n");
  EXPECT_FALSE(write_sample(folder_, IfExists::replace)) << "another tracer's trace";
  EXPECT_FALSE(is_recording(folder_));
}

TEST_F(Folder, RecordingIsReplacedOnlyWhenAsked) {
  ASSERT_OK(write_sample(folder_));
  const std::string metadata = content_of(folder_ / "metadata");
  const auto refused = write_sample(folder_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("already holds a recording"), std::string::npos);
  EXPECT_EQ(content_of(folder_ / "metadata"), metadata);

  put_content(folder_ / "notes.txt", "mine");
  put_content(folder_ / "exits_cpu03", "mine");
  auto writer = RecordingWriter::create(folder_, sample_info(), IfExists::replace);
  ASSERT_OK(writer);
  EXPECT_NE(content_of(folder_ / "metadata"), metadata);
  EXPECT_EQ(content_of(folder_ / "notes.txt"), "mine");
  EXPECT_EQ(content_of(folder_ / "exits_cpu03"), "mine");
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& file : fs::directory_iterator(folder_))
    ++files;
  EXPECT_EQ(files, 3u) << "the old streams are gone";
  EXPECT_TRUE(RecordingReader::open(folder_)->streams().empty());
}

TEST_F(Folder, RecordingOfAnotherVersionCanBeReplaced) {
  ASSERT_OK(write_sample(folder_));
  std::string metadata = content_of(folder_ / "metadata");
  metadata.replace(metadata.find("trapline_format = 3"), 19, "trapline_format = 9");
  put_content(folder_ / "metadata", metadata);
  EXPECT_TRUE(is_recording(folder_));
  EXPECT_FALSE(RecordingReader::open(folder_));
  ASSERT_OK(write_sample(folder_, IfExists::replace));
}

TEST_F(Folder, SymbolicLinksAreNotFollowed) {
  const fs::path elsewhere = scratch_ / "elsewhere";
  fs::create_directory(elsewhere);
  fs::create_directory_symlink(elsewhere, folder_);
  for (const std::string& name : {folder_.string(), folder_.string() + "/"}) {
    EXPECT_FALSE(write_sample(name, IfExists::replace)) << name;
  }
  EXPECT_TRUE(is_empty(elsewhere));
  fs::create_symlink(scratch_ / "nowhere", scratch_ / "dangling");
  EXPECT_FALSE(write_sample(scratch_ / "dangling"));
  EXPECT_FALSE(fs::exists(scratch_ / "nowhere"));
}

TEST_F(Folder, APlaceIsCheckedBeforeAnythingIsDone) {
  using Writer = RecordingWriter;
  EXPECT_FALSE(Writer::check_place(""));
  EXPECT_TRUE(Writer::check_place(folder_));
  EXPECT_FALSE(fs::exists(folder_)) << "nothing is made";
  fs::create_symlink(scratch_ / "elsewhere", folder_);
  EXPECT_FALSE(Writer::check_place(folder_));
  EXPECT_FALSE(Writer::check_place(folder_.string() + "/"));
  fs::remove(folder_);
  fs::create_directory(folder_);
  EXPECT_TRUE(Writer::check_place(folder_));
  put_content(folder_ / "mine", "mine");
  EXPECT_FALSE(Writer::check_place(folder_, IfExists::replace));
  EXPECT_FALSE(Writer::check_place(folder_ / "mine", IfExists::replace));
  fs::remove(folder_ / "mine");
  ASSERT_OK(write_sample(folder_));
  const std::string metadata = content_of(folder_ / "metadata");
  EXPECT_FALSE(Writer::check_place(folder_, IfExists::refuse));
  EXPECT_TRUE(Writer::check_place(folder_, IfExists::replace));
  EXPECT_EQ(content_of(folder_ / "metadata"), metadata) << "nothing is changed";
}

TEST_F(Folder, StreamsThatAreLinksAreRemovedNotFollowed) {
  ASSERT_OK(write_sample(folder_));
  put_content(scratch_ / "victim", "mine");
  fs::remove(folder_ / "exits_cpu3");
  fs::create_symlink(scratch_ / "victim", folder_ / "exits_cpu3");
  EXPECT_FALSE(RecordingReader::open(folder_)) << "a reader does not follow it either";
  ASSERT_OK(write_sample(folder_, IfExists::replace));
  EXPECT_EQ(content_of(scratch_ / "victim"), "mine");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder_ / "exits_cpu3")));
}

TEST_F(Folder, StreamPlantedMeanwhileIsNotWrittenThrough) {
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  put_content(scratch_ / "victim", "mine");
  fs::create_symlink(scratch_ / "victim", folder_ / "exits_cpu3");
  const std::array cycles = {exit_cycle_at(1000)};
  EXPECT_FALSE(writer->write_records<trl_exit_cycle>(kExitsKey, cycles, 0));
  EXPECT_EQ(content_of(scratch_ / "victim"), "mine");
}

TEST_F(Folder, NothingIsLeftWhenCreationFails) {
  put_content(scratch_ / "file", "mine");
  EXPECT_FALSE(write_sample(scratch_ / "file"));
  EXPECT_FALSE(write_sample(scratch_ / "file/below"));
  EXPECT_FALSE(write_sample(""));
  EXPECT_EQ(content_of(scratch_ / "file"), "mine");

  // A folder in a stream's place cannot be removed as a file: the old recording stays one.
  ASSERT_OK(write_sample(folder_));
  fs::create_directory(folder_ / "kvm_cpu9");
  EXPECT_FALSE(write_sample(folder_, IfExists::replace));
  EXPECT_TRUE(is_recording(folder_));
  EXPECT_FALSE(fs::exists(folder_ / ".metadata.new"));
}

TEST_F(Folder, LeftoverOfAKilledCreationDoesNotBlock) {
  fs::create_directory(folder_);
  put_content(folder_ / ".metadata.new", "half");
  ASSERT_OK(write_sample(folder_));
  EXPECT_FALSE(fs::exists(folder_ / ".metadata.new"));
}

TEST_F(Folder, ReaderTellsWhatIsNotARecording) {
  const auto error_of = [&](const fs::path& path) {
    const auto reader = RecordingReader::open(path);
    EXPECT_FALSE(is_recording(path));
    return reader ? std::string() : reader.error().what;
  };
  EXPECT_NE(error_of(scratch_ / "none").find("No such file"), std::string::npos);
  EXPECT_NE(error_of(scratch_.path()).find("it has no file \"metadata\""), std::string::npos);
  put_content(scratch_ / "metadata", "");
  EXPECT_NE(error_of(scratch_.path()).find("not the metadata of a recording"), std::string::npos);
  fs::remove(scratch_ / "metadata");
  ASSERT_EQ(::mkfifo((scratch_ / "metadata").c_str(), 0600), 0);
  EXPECT_NE(error_of(scratch_.path()).find("not a regular file"), std::string::npos);
}

TEST_F(Folder, RecordingCanBeReachedThroughALink) {
  ASSERT_OK(write_sample(folder_));
  fs::create_directory_symlink(folder_, scratch_ / "latest");
  ASSERT_OK(RecordingReader::open(scratch_ / "latest"));
}

TEST_F(Folder, EmptyAndForeignFilesDoNotDisturbReading) {
  ASSERT_OK(write_sample(folder_));
  put_content(folder_ / "exits_cpu77", "");
  put_content(folder_ / "notes.txt", "mine");
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  Event event;
  EXPECT_FALSE(reader->events({StreamClass::exits, 77}).next(event));
  EXPECT_FALSE(reader->events({StreamClass::exits, 78}).next(event));
}

}  // namespace
}  // namespace trapline::recording
