// Ctrl-C, politely: a program that started another must stop it before it ends.
#ifndef ELDR_TOOLS_PROCESS_INTERRUPT_H_
#define ELDR_TOOLS_PROCESS_INTERRUPT_H_

namespace eldr::demo {

// From now on the first SIGINT or SIGTERM only sets what Interrupted() answers; a second one ends
// the process at once.
void CatchInterrupts();

bool Interrupted();

}  // namespace eldr::demo

#endif  // ELDR_TOOLS_PROCESS_INTERRUPT_H_
