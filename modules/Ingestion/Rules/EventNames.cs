namespace CdpMonolith.Ingestion.Rules;

/// <summary>Names of events that were given others later.</summary>
internal static class EventNames
{
    /// <summary>
    /// The e-commerce events of Segment's first specification with the names that its second one gave them
    /// (segment.com/docs/connections/spec/ecommerce/v2, "Migrating from v1").
    /// </summary>
    private static readonly (byte[] Old, byte[] Now)[] Ecommerce =
    [
        ([.. "Viewed Product Category"u8], [.. "Product List Viewed"u8]),
        ([.. "Viewed Promotion"u8], [.. "Promotion Viewed"u8]),
        ([.. "Clicked Promotion"u8], [.. "Promotion Clicked"u8]),
        ([.. "Clicked Product"u8], [.. "Product Clicked"u8]),
        ([.. "Viewed Product"u8], [.. "Product Viewed"u8]),
        ([.. "Added Product"u8], [.. "Product Added"u8]),
        ([.. "Removed Product"u8], [.. "Product Removed"u8]),
        ([.. "Started Order"u8], [.. "Checkout Started"u8]),
        ([.. "Viewed Checkout Step"u8], [.. "Checkout Step Viewed"u8]),
        ([.. "Completed Checkout Step"u8], [.. "Checkout Step Completed"u8]),
        ([.. "Updated Order"u8], [.. "Order Updated"u8]),
        ([.. "Completed Order"u8], [.. "Order Completed"u8]),
    ];

    /// <summary>The name as it is today.</summary>
    public static ReadOnlyMemory<byte> Today(ReadOnlyMemory<byte> name)
    {
        if (name.Length is >= 13 and <= 23 && name.Span[0] is (byte)'V' or (byte)'C' or (byte)'A' or (byte)'R' or (byte)'S' or (byte)'U')
        {
            foreach (var (old, now) in Ecommerce)
            {
                if (name.Span.SequenceEqual(old))
                {
                    return now;
                }
            }
        }

        return name;
    }
}
