"""What the data is: events we read, tables we hold, issues we report, runs we write. Declarations only."""
