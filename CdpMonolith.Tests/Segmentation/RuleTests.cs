namespace CdpMonolith.Tests.Segmentation;

/// <summary>What the parts of a rule mean, by people who came in through the door.</summary>
public sealed class RuleTests : SegmentTest
{
    private static TimeSpan Days(double days) => TimeSpan.FromDays(days);

    [Test]
    public async Task Traits_are_those_of_the_golden_record_and_reach_into_objects()
    {
        await IdentifyAsync("ann", new { plan = "gold", address = new { city = "Oslo" }, orders = "12" });
        await IdentifyAsync("ben", new { plan = "basic", orders = 3 });
        await TrackAsync("cat", "Signed Up");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await WhoAsync("{'kind':'trait','trait':'plan','op':'equals','value':'Gold'}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync("{'kind':'trait','trait':'address.city','op':'exists'}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync("{'kind':'trait','trait':'orders','op':'gt','value':5}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync("{'kind':'trait','trait':'plan','op':'notEquals','value':'gold'}"), Is.EqualTo(new[] { "ben", "cat" }));
            Assert.That(await WhoAsync("{'kind':'trait','trait':'unheard of','op':'notExists'}"), Is.EqualTo(new[] { "ann", "ben", "cat" }));
            Assert.That(await WhoAsync("{'kind':'all','of':[]}"), Is.EqualTo(new[] { "ann", "ben", "cat" }));
        }
    }

    [Test]
    public async Task Events_are_counted_summed_and_dated_within_their_window()
    {
        await TrackAsync("ann", "Order Completed", new { revenue = 80, lines = new { count = 2 } }, Days(10));
        await TrackAsync("ann", "Order Completed", new { revenue = "40.5" }, Days(29));
        await TrackAsync("ben", "Order Completed", new { revenue = 500 }, Days(31));
        await TrackAsync("cat", "Product Viewed", new { revenue = 500 }, Days(1));
        const string Order = "'kind':'event','event':'Order Completed'";
        const string Month = "'window':{'kind':'last','amount':30,'unit':'days'}";
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await WhoAsync($"{{{Order},'op':'gte','value':2,{Month}}}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync($"{{{Order},'op':'equals','value':0,{Month}}}"), Is.EqualTo(new[] { "ben", "cat" }));
            Assert.That(await WhoAsync($"{{{Order},'measure':'sum','property':'revenue','op':'gt','value':120}}"), Is.EqualTo(new[] { "ann", "ben" }));
            Assert.That(await WhoAsync($"{{{Order},'measure':'sum','property':'revenue','op':'lt','value':121,{Month}}}"), Is.EqualTo(new[] { "ann", "ben", "cat" }));
            Assert.That(await WhoAsync($"{{{Order},'measure':'average','property':'revenue','op':'between','from':60.25,'to':60.25}}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync($"{{{Order},'measure':'min','property':'revenue','op':'lte','value':40.5}}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync($"{{{Order},'measure':'max','property':'lines.count','op':'equals','value':2}}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync($"{{{Order},'measure':'last','op':'moreThanAgo','amount':30,'unit':'days'}}"), Is.EqualTo(new[] { "ben" }));
            Assert.That(await WhoAsync($"{{{Order},'measure':'first','op':'withinLast','amount':30,'unit':'days'}}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync("{'kind':'event','where':[{'property':'revenue','op':'gte','value':500}]}"), Is.EqualTo(new[] { "ben", "cat" }));
            Assert.That(await WhoAsync("{'kind':'event','window':{'kind':'ago','from':31,'to':29,'unit':'days'}}"), Is.EqualTo(new[] { "ben" }));
        }
    }

    [Test]
    public async Task The_last_days_begin_to_the_millisecond()
    {
        await TrackAsync("ann", "Order Completed", null, Days(30));
        await TrackAsync("ben", "Order Completed", null, Days(30) + TimeSpan.FromMilliseconds(1));
        Assert.That(
            await WhoAsync("{'kind':'event','event':'Order Completed','window':{'kind':'last','amount':30,'unit':'days'}}"),
            Is.EqualTo(new[] { "ann" }));
    }

    [Test]
    public async Task Joining_a_group_is_an_event_with_the_id_and_the_traits_of_the_group()
    {
        await SendAsync(new { type = "group", userId = "ann", groupId = "club-1", traits = new { plan = "gold" } });
        await SendAsync(new { type = "group", userId = "ben", groupId = "club-2" });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                await WhoAsync("{'kind':'event','event':'Group Joined','where':[{'property':'groupId','op':'equals','value':'club-1'}]}"), Is.EqualTo(new[] { "ann" }));
            Assert.That(
                await WhoAsync("{'kind':'event','event':'Group Joined','where':[{'property':'plan','op':'equals','value':'gold'}]}"), Is.EqualTo(new[] { "ann" }));
        }
    }

    [Test]
    public async Task A_view_of_a_page_is_an_event_and_its_name_a_property()
    {
        await SendAsync(new { type = "page", userId = "ann", name = "Pricing", properties = new { path = "/pricing" } });
        await SendAsync(new { type = "screen", userId = "ben", name = "Pricing" });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                await WhoAsync("{'kind':'event','event':'Page Viewed','where':[{'property':'name','op':'equals','value':'Pricing'}]}"),
                Is.EqualTo(new[] { "ann" }));
            Assert.That(
                await WhoAsync("{'kind':'event','event':'Page Viewed','where':[{'property':'path','op':'startsWith','value':'/pri'}]}"),
                Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync("{'kind':'event','event':'Screen Viewed'}"), Is.EqualTo(new[] { "ben" }));
        }
    }

    [Test]
    public async Task An_earlier_moment_sees_neither_later_events_nor_later_decisions()
    {
        await TrackAsync("ann", "Order Completed", null, Days(5));
        await SayAsync("ann", "newsletter", true, Days(5));
        await SayAsync("ann", "newsletter", false, Days(1));
        const string Granted = "{'kind':'consent','purpose':'newsletter','channel':'any','status':'granted'}";
        const string Asked = "{'kind':'not','of':[{'kind':'consent','purpose':'newsletter','channel':'any','status':'neverAsked'}]}";
        const string Ordered = "{'kind':'event','event':'Order Completed'}";
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await WhoAsync(Granted), Is.Empty);
            Assert.That(await WhoAsync(Granted, Now - Days(2)), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync(Asked, Now - Days(6)), Is.Empty);
            Assert.That(await WhoAsync(Ordered), Is.EqualTo(new[] { "ann" }));
            Assert.That(await WhoAsync(Ordered, Now - Days(6)), Is.Empty);
        }
    }

    [Test]
    public async Task Segments_can_stand_on_segments()
    {
        await IdentifyAsync("ann", new { plan = "gold" });
        await IdentifyAsync("ben", new { plan = "gold", vip = true });
        var gold = await SegmentAsync("Gold", "{'kind':'trait','trait':'plan','op':'equals','value':'gold'}");
        Assert.That(
            await WhoAsync($"{{'kind':'all','of':[{{'kind':'segment','segment':{gold}}},{{'kind':'not','of':[{{'kind':'trait','trait':'vip','op':'is','value':true}}]}}]}}"),
            Is.EqualTo(new[] { "ann" }));
    }

    [Test]
    public async Task Two_profiles_of_one_person_are_asked_as_one()
    {
        await SendAsync(new { type = "track", anonymousId = "a-1", @event = "Product Viewed" });
        await TrackAsync("ann", "Order Completed");
        const string Both = "{'kind':'all','of':[{'kind':'event','event':'Product Viewed'},{'kind':'event','event':'Order Completed'}]}";
        Assert.That(await WhoAsync(Both), Is.Empty);
        await IdentifyAsync("ann", null, "a-1");
        Assert.That(await WhoAsync(Both), Is.EqualTo(new[] { "ann" }));
    }
}
