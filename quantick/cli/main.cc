#include "quantick/cli/command.h"

int main(int argc, char** argv) { return quantick::cli::run_program(argc, argv); }
