// Today's protos against those of each release: a client of then must be understood now, and
// understand what it hears.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace eldr {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::ServiceDescriptorProto;

FileDescriptorSet Read(const std::filesystem::path& path) {
  FileDescriptorSet set;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(set.ParseFromIstream(&file)) << path;
  EXPECT_GT(set.file_size(), 0) << path;
  return set;
}

// Each promise by its name, e.g. "eldr.v1.PlaceRequest field 3" -> "request_id: string, singular".
using Promises = std::map<std::string, std::string>;

std::string Describe(const FieldDescriptorProto& field) {
  return field.name() + ": " + FieldDescriptorProto::Type_Name(field.type()) + " " +
         field.type_name() + ", " + FieldDescriptorProto::Label_Name(field.label()) +
         (field.proto3_optional() ? ", optional" : "") +
         (field.has_oneof_index() && !field.proto3_optional() ? ", oneof" : "");
}

void AddEnum(const std::string& scope, const EnumDescriptorProto& type, Promises& promises) {
  for (const auto& value : type.value()) {
    promises[scope + "." + type.name() + " value " + std::to_string(value.number())] = value.name();
  }
}

void AddMessage(const std::string& scope, const DescriptorProto& type, Promises& promises) {
  const std::string name = scope + "." + type.name();
  promises[name] = "message";
  for (const auto& field : type.field()) {
    promises[name + " field " + std::to_string(field.number())] = Describe(field);
  }
  for (const auto& nested : type.nested_type()) AddMessage(name, nested, promises);
  for (const auto& nested : type.enum_type()) AddEnum(name, nested, promises);
}

void AddService(const std::string& scope, const ServiceDescriptorProto& service,
                Promises& promises) {
  for (const auto& method : service.method()) {
    promises[scope + "." + service.name() + "/" + method.name()] =
        (method.client_streaming() ? "stream " : "") + method.input_type() + " -> " +
        (method.server_streaming() ? "stream " : "") + method.output_type();
  }
}

Promises PromisesOf(const FileDescriptorSet& set) {
  Promises promises;
  for (const auto& file : set.file()) {
    for (const auto& type : file.message_type()) AddMessage(file.package(), type, promises);
    for (const auto& type : file.enum_type()) AddEnum(file.package(), type, promises);
    for (const auto& service : file.service()) AddService(file.package(), service, promises);
  }
  return promises;
}

// What of `before` is gone or another thing by now.
std::vector<std::string> Broken(const Promises& before, const Promises& now) {
  std::vector<std::string> broken;
  for (const auto& [what, promised] : before) {
    const auto found = now.find(what);
    if (found == now.end()) {
      broken.push_back(what + " (" + promised + ") is gone");
    } else if (found->second != promised) {
      broken.push_back(what + " was \"" + promised + "\", is \"" + found->second + "\"");
    }
  }
  return broken;
}

TEST(ContractTest, KeepsWhatEachReleasePromised) {
  const Promises now = PromisesOf(Read(std::getenv("ELDR_CONTRACT_CURRENT")));
  int releases = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::getenv("ELDR_CONTRACT_RELEASES"))) {
    if (entry.path().extension() != ".binpb") continue;
    ++releases;
    EXPECT_THAT(Broken(PromisesOf(Read(entry.path())), now), ::testing::IsEmpty())
        << "against release " << entry.path().stem()
        << "; give what is new a new number, and leave what is old where it is";
  }
  EXPECT_GT(releases, 0);
}

// The test itself: each kind of change that breaks clients is seen, and growth is not one.
TEST(ContractTest, SeesWhatBreaksClients) {
  const FileDescriptorSet set = Read(std::getenv("ELDR_CONTRACT_CURRENT"));
  const Promises before = PromisesOf(set);
  const auto broken_by = [&](const auto& change) {
    FileDescriptorSet changed = set;
    for (auto& file : *changed.mutable_file()) {
      if (file.name() == "eldr/v1/placement.proto") change(file);
    }
    return Broken(before, PromisesOf(changed)).size();
  };
  EXPECT_EQ(broken_by([](auto&) {}), 0u);
  EXPECT_EQ(broken_by([](auto& file) {
              auto* const field = file.mutable_message_type(0)->add_field();
              field->set_name("added");
              field->set_number(1000);
              file.mutable_service(0)->add_method()->set_name("Added");
            }),
            0u);
  EXPECT_EQ(broken_by([](auto& file) {
              file.mutable_message_type(0)->mutable_field(0)->set_number(999);
            }),
            1u);
  EXPECT_EQ(
      broken_by([](auto& file) { file.mutable_message_type(0)->mutable_field(0)->set_name("x"); }),
      1u);
  EXPECT_EQ(
      broken_by([](auto& file) {
        file.mutable_message_type(0)->mutable_field(0)->set_type(FieldDescriptorProto::TYPE_SINT64);
      }),
      1u);
  EXPECT_EQ(broken_by([](auto& file) { file.mutable_service(0)->mutable_method()->RemoveLast(); }),
            1u);
  EXPECT_GE(broken_by([](auto& file) { file.mutable_message_type()->RemoveLast(); }), 1u);
}

}  // namespace
}  // namespace eldr
