using CdpMonolith.Commands;

return await CommandLine.RunAsync(args, Console.Out);
