// What a daemon, or whoever talks to it, can make a terminal show.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/client/eldrctl_fixture.h"

namespace eldr::ctl {
namespace {

using ::testing::HasSubstr;

// Sets every text of a message, and of the messages in it, to `text`.
void FillTexts(google::protobuf::Message& message, const std::string& text) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const Field* const field = message.GetDescriptor()->field(i);
    if (field->is_map()) continue;
    if (field->cpp_type() == Field::CPPTYPE_STRING) {
      field->is_repeated() ? reflection.AddString(&message, field, text)
                           : reflection.SetString(&message, field, text);
    } else if (field->cpp_type() == Field::CPPTYPE_MESSAGE &&
               field->message_type()->full_name().rfind("eldr.", 0) == 0) {
      FillTexts(field->is_repeated() ? *reflection.AddMessage(&message, field)
                                     : *reflection.MutableMessage(&message, field),
                text);
    }
  }
}

// Answers every call with messages full of `text`.
class TextsTest : public EldrctlTest {
 protected:
  template <typename Request, typename Response>
  static void AnswerWith(const std::string& text, client::FakeCall<Request, Response>& call) {
    Response response;
    FillTexts(response, text);
    if constexpr (std::is_same_v<Response, v1::ExplainPlacementResponse>) {
      (*response.mutable_parameters())[text] = 1;
    }
    if constexpr (std::is_same_v<Response, v1::DescribeModelResponse>) {
      (*response.mutable_parameters())[text] = 1;
    }
    if constexpr (std::is_same_v<Response, v1::ListNodesResponse> ||
                  std::is_same_v<Response, v1::ListModelsResponse>) {
      response.set_next_page_token("more");
    }
    Answer(call, response);
  }
  void AnswerAllWith(const std::string& text) {
    AnswerWith(text, daemon_.models.declare_model);
    AnswerWith(text, daemon_.models.list_models);
    AnswerWith(text, daemon_.models.describe_model);
    AnswerWith(text, daemon_.fleet.list_nodes);
    AnswerWith(text, daemon_.fleet.get_residency);
    AnswerWith(text, daemon_.fleet.drain_node);
    AnswerWith(text, daemon_.placement.place);
    AnswerWith(text, daemon_.placement.explain_placement);
    AnswerWith(text, daemon_.placement.renew_leases);
    AnswerWith(text, daemon_.placement.push_signature);
    daemon_.placement.watched.clear();
    FillTexts(daemon_.placement.watched.emplace_back(), text);
    daemon_.placement.watched[0].mutable_placement()->add_candidates()->set_node_id(text);
    daemon_.fleet.undrain_node.set_answer(
        [text](const auto&, auto*) { return grpc::Status(grpc::StatusCode::NOT_FOUND, text); });
  }
  static int Lines(const std::string& text) {
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }
};

TEST_F(TextsTest, NoTextOfTheDaemonReachesTheTerminalRaw) {
  const std::string hostile = "d\x1b[2J\x1b]0;owned\x07\nd9  m  ready\r\xc2\x9b";
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"models", "declare", "m", "--layers", "1", "--experts", "2", "--top-k", "1"},
           {"models", "list", "--page-size", "1"},
           {"models", "describe", "m"},
           {"nodes", "list", "--page-size", "1"},
           {"nodes", "residency", "d0"},
           {"nodes", "drain", hostile},
           {"nodes", "undrain", "d0"},
           {"place", "r1", "--model", "m"},
           {"explain", "r1", "--model", "m"},
           {"renew", "r1", "r2", "--model", "m"},
           {"push-signature", hostile, "--model", "m", "--sparse", "0:1"},
           {"push-signature", "r1", "--model", "m", "--counts", hostile},
           {"tail"}}) {
    SCOPED_TRACE(::testing::PrintToString(command));
    AnswerAllWith("d0");
    Run(command);
    const int out_lines = Lines(out()), err_lines = Lines(err());
    AnswerAllWith(hostile);
    Run(command);
    EXPECT_EQ(Lines(out()), out_lines) << out();
    EXPECT_EQ(Lines(err()), err_lines) << err();
    for (const std::string& text : {out(), err()}) {
      EXPECT_EQ(text.find_first_of("\x1b\x07\r\x9b"), std::string::npos)
          << ::testing::PrintToString(text);
    }
    EXPECT_THAT(out() + err(), HasSubstr("d\\x1b[2J")) << "the command shows no text: test another";
    if (command[0] == "push-signature") continue;
    std::vector<std::string> json = command;
    json.insert(json.end(), {"--format", "json"});
    Run(json);
    EXPECT_EQ(out().find_first_of("\x1b\x07\r\x9b"), std::string::npos)
        << ::testing::PrintToString(out());
  }
}

}  // namespace
}  // namespace eldr::ctl
