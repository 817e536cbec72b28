#include "tests/server/picker/picker_script.h"

#include <gtest/gtest.h>

namespace eldr::picker {
namespace {

TEST(PickerScriptTest, StreamsDoWhatTheirScriptsSay) {
  const std::vector<Script> scripts = Scripts();
  ASSERT_GE(scripts.size(), 20u);
  for (const Script& script : scripts) {
    std::string text;
    ScriptRun run;
    std::size_t written = 0;
    for (const std::string& line : script.inputs) {
      run.Do(line);
      text += line + "\n" + run.written().substr(written);
      written = run.written().size();
    }
    EXPECT_EQ(text, script.text) << script.name;
  }
}

TEST(PickerScriptTest, AConfiguredModelNeedsNoBody) {
  PickerOptions options;
  options.model = "configured";
  ScriptRun run(options);
  run.Do("> request_headers x-request-id=r1");
  EXPECT_EQ(run.written(), "< pick whole request=r1 model=configured\n");
}

TEST(PickerScriptTest, ABodyOverTheBoundIsRefusedAndNotHeld) {
  PickerOptions options;
  options.max_body_bytes = 10;
  ScriptRun run(options);
  run.Do("> request_headers x-request-id=r1");
  run.Do("> request_body *10");
  EXPECT_EQ(run.written(), "");
  run.Do("> request_body *1");
  EXPECT_EQ(run.written(), "< immediate 413 rejected-bad-request\n");
}

TEST(PickerScriptTest, AResponseOverTheBoundPassesUnharvested) {
  PickerOptions options;
  options.model = "m";
  options.max_body_bytes = 10;
  ScriptRun run(options);
  for (const char* const line :
       {"> request_headers epp-profile=prefill x-request-id=r1", "> picked a:1 1",
        "> request_body eos", "> response_headers :status=200", "> response_body *11",
        "> response_body abc eos"}) {
    run.Do(line);
  }
  EXPECT_EQ(run.written().find("harvest"), std::string::npos) << run.written();
  EXPECT_NE(run.written().find("response_body xxxxxxxxxxx\n< response_body abc eos"),
            std::string::npos)
      << run.written();
}

}  // namespace
}  // namespace eldr::picker
