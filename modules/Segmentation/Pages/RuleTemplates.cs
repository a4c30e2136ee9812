namespace CdpMonolith.Segmentation.Pages;

/// <summary>A segment to start from; its texts are <c>Template.Key.Name</c> and <c>Template.Key.Text</c>.</summary>
/// <param name="Events">Event names that it asks for.</param>
internal sealed record RuleTemplate(string Key, string Icon, IReadOnlyList<string> Events, string Match)
{
    private const string Order = "Order Completed";

    public string Rule => $"{{\"version\":1,\"match\":{Match}}}";

    public static IReadOnlyList<RuleTemplate> All { get; } =
    [
        new("Recent", "shopping_bag", [Order], """
            {"kind":"all","of":[{"kind":"event","event":"Order Completed","window":{"kind":"last","amount":90,"unit":"days"}}]}
            """),
        new("Lapsed", "hourglass_bottom", [Order], """
            {"kind":"all","of":[{"kind":"event","event":"Order Completed","measure":"count","op":"gte","value":2},
            {"kind":"event","event":"Order Completed","measure":"last","op":"moreThanAgo","amount":180,"unit":"days"}]}
            """),
        new("Spenders", "diamond", [Order], """
            {"kind":"all","of":[{"kind":"event","event":"Order Completed","measure":"sum","property":"revenue","op":"gte","value":1000,
            "window":{"kind":"last","amount":365,"unit":"days"}}]}
            """),
        new("Browsers", "travel_explore", ["Page Viewed", Order], """
            {"kind":"all","of":[{"kind":"event","event":"Page Viewed","window":{"kind":"last","amount":30,"unit":"days"}},
            {"kind":"event","event":"Order Completed","measure":"count","op":"equals","value":0,"window":{"kind":"last","amount":30,"unit":"days"}}]}
            """),
        new("OneTime", "looks_one", [Order], """
            {"kind":"all","of":[{"kind":"event","event":"Order Completed","measure":"count","op":"equals","value":1},
            {"kind":"event","event":"Order Completed","measure":"last","op":"withinLast","amount":60,"unit":"days"}]}
            """),
        new("Newsletter", "mark_email_read", [], """
            {"kind":"all","of":[{"kind":"consent","purpose":"newsletter","channel":"email","status":"granted"}]}
            """),
        new("NeverAsked", "help", [], """
            {"kind":"all","of":[{"kind":"trait","trait":"email","op":"exists"},
            {"kind":"consent","purpose":"newsletter","channel":"email","status":"neverAsked"}]}
            """),
        new("Blank", "add", [], """
            {"kind":"all","of":[]}
            """),
    ];
}
