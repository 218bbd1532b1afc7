// Ends a jest run with one line: N passed, N failed, N skipped.

module.exports = class SummaryReporter {
  onRunComplete(_, results) {
    // A file that does not even load has no test that could fail.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    this.line = `${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped`;
    process.on("exit", () => process.stdout.write(`${this.line}\n`));
  }
};
